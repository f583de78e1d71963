import type { TurnOutcome } from '../../inbox/lease.ts'
import { redact } from '../../support/text/redact.ts'
import type { Settlement } from '../../usage/budgets.ts'
import type { ConversationRow, FinishedRow } from '../rows/rows.ts'
import type { Changes } from './changes.ts'
import { notifyOfOutage } from './hold.ts'
import { endJournal } from './journal.ts'
import { draftOf, holdsLease, type LeaseKey } from './lease.ts'
import { addSpent, spentOf } from './ledger.ts'

/** The last redaction before the database: a reason comes from an error, and errors quote texts. */
export function withCleanReason(outcome: TurnOutcome): TurnOutcome {
  const reason = 'reason' in outcome ? outcome.reason : undefined
  return reason === undefined ? outcome : ({ ...outcome, reason: redact(reason) } as TurnOutcome)
}

/** What is known when a turn has ended. */
export interface FinishRows {
  readonly conversation: ConversationRow
  /** At least the messages that are being answered, oldest first. Not needed when the lease was lost. */
  readonly waiting: readonly FinishedRow[]
  /** Read only where `needsOutage` says so. */
  readonly outage: OutageFacts | null
  /** The messages of the lease that were withdrawn, and not taken back; read only where `needsWithdrawn` says so. */
  readonly withdrawn: readonly FinishedRow[]
  /** Entries of the turn in the ledger; read only where `needsBooked` says so. */
  readonly booked?: number
}

/** What the end of a turn depends on in an outage. */
export interface OutageFacts {
  /** Outage time observed so far, in milliseconds. */
  readonly observed: number
  /** Whether a message of the conversation that waits or is being answered was addressed to the bot. */
  readonly welcome: boolean
}

/** Whether `decideFinish` needs to know the facts of the outage. */
export function needsOutage(outcome: TurnOutcome): boolean {
  return outcome.kind === 'held'
}

/** Whether `decideFinish` needs to know the messages of a turn whose lease a command has revoked. */
export function needsWithdrawn(conversation: ConversationRow, key: LeaseKey, outcome: TurnOutcome): boolean {
  const isStopped = outcome.kind === 'stopped' && conversation.stopped_turn === key.turnId
  return isStopped && (outcome.blocks ?? null) !== null && !holdsLease(conversation, key)
}

/** What was spent was spent: it is settled also where another process has the conversation now, and where there is none any more. */
export function settlementsOf({ turnId }: LeaseKey, outcome: TurnOutcome): readonly Settlement[] {
  const { settles: cost } = outcome
  return cost === undefined ? [] : [{ turnId, cost }]
}

/** However a turn ended: it did end, so its messages do not crash the process. */
const FINISHED = { leases: 0 }

/**
 * How a turn ended, and what must be sent because of it.
 *
 * @returns false when the lease is not the newest any more: nothing changes
 */
export function decideFinish(
  { conversation, waiting, outage, withdrawn, booked = 0 }: FinishRows,
  key: LeaseKey,
  outcome: TurnOutcome,
  now: number,
  changes: Changes,
): boolean {
  changes.settlements.push(...settlementsOf(key, outcome))
  if (!holdsLease(conversation, key)) {
    const spent = spentOf(outcome, booked)
    return (
      outcome.kind === 'stopped' &&
      finishStopped(conversation, withdrawn, key, { ...outcome, spent }, now, changes)
    )
  }
  const rows = waiting.filter((row) => row.state === 'answering')
  const leasedAt = conversation.lease_at ?? now
  addSpent(conversation, key, spentOf(outcome, booked), { leasedAt, now }, changes)
  conversation.lease_turn = conversation.lease_owner = conversation.lease_at = null
  changes.save(conversation)
  changes.queueChanged = true
  switch (outcome.kind) {
    case 'answered':
      if (key.hasContext) changes.usedContexts.push(...rows.map((row) => row.key))
      answer(conversation, rows, outcome, now, changes)
      return true
    case 'refused':
    case 'parked':
      turnDown(conversation, rows, outcome, now, changes)
      return true
    case 'held':
      for (const row of rows) {
        const waits =
          outcome.until === undefined
            ? { held_base: row.held_base ?? outage!.observed }
            : { held_base: null, not_before: outcome.until }
        changes.change(row, { ...FINISHED, state: 'held', reason: outcome.outage.reason, ...waits })
      }
      if (outage!.welcome) notifyOfOutage(conversation, outcome.outage, now, changes)
      return true
    case 'returned':
      for (const row of rows) {
        // Of a turn with stored steps a split is refused; counted like a crash, it is not tried forever.
        const split = row.frozen ? { leases: row.leases } : { group_id: null, solo: true }
        changes.change(row, { ...FINISHED, state: 'received', reason: null, ...(outcome.split && split) })
      }
      return true
    case 'failed':
      for (const row of rows) {
        const failed = { failures: row.failures + 1, not_before: outcome.retryAt }
        changes.change(row, { ...FINISHED, state: 'received', reason: outcome.reason, ...failed })
      }
      return true
    case 'stopped':
      for (const row of rows) changes.change(row, { ...FINISHED, state: 'withdrawn', reason: null })
      endJournal(rows, changes)
      keepShown(conversation, rows, outcome, now, changes)
      return true
  }
}

function answer(
  conversation: ConversationRow,
  rows: readonly FinishedRow[],
  outcome: Extract<TurnOutcome, { kind: 'answered' }>,
  now: number,
  changes: Changes,
): void {
  const { text, blocks = null, preface, reason = null, responseId } = outcome
  const draft = draftOf(rows)
  const stored = changes.insert(conversation, {
    role: 'assistant',
    state: 'answered',
    text,
    blocks,
    preface,
    at: now,
    inHistory: true,
    reason,
    about: responseId === undefined ? null : { responseId },
  })
  const answered = { answered_by: stored.id, history_seq: stored.seq, draft: null }
  const change = { ...FINISHED, state: 'answered' as const, reason: null, ...answered }
  for (const row of rows) changes.change(row, change)
  endJournal(rows, changes)
  conversation.history_characters += rows.reduce((sum, row) => sum + row.text.length, text.length)
  const last = rows.at(-1)
  changes.send(conversation, stored, {
    kind: 'answer',
    replyTo: last?.platform_id ?? null,
    draft,
    askedAt: last?.at ?? null,
    at: now,
  })
  if (outcome.summary !== undefined) {
    changes.summaries.push([conversation.key, outcome.summary])
    // What the summary covers is never handed out again, so that the cost of a turn depends only on the kept history.
    if (outcome.summaryUpTo !== undefined) {
      conversation.history_from = Math.max(conversation.history_from, outcome.summaryUpTo + 1)
    }
  }
}

/** Refused or parked: the person reads a sentence, in the draft's place where one was shown. What is parked keeps its steps. */
function turnDown(
  conversation: ConversationRow,
  rows: readonly FinishedRow[],
  { kind: state, reason, notice }: Extract<TurnOutcome, { kind: 'refused' | 'parked' }>,
  now: number,
  changes: Changes,
): void {
  const { id: answered_by } = changes.notify(conversation, notice, {
    replyTo: rows.at(-1)?.platform_id ?? null,
    draft: draftOf(rows),
    at: now,
  })
  const change = { ...FINISHED, state, reason, answered_by, draft: null }
  if (state === 'refused') endJournal(rows, changes)
  for (const row of rows) changes.change(row, { ...change, group_id: row.frozen ? row.group_id : null })
}

type Stopped = Extract<TurnOutcome, { kind: 'stopped' }>

/** A command stopped the turn and revoked its lease: only what had come of it is still stored. */
function finishStopped(
  conversation: ConversationRow,
  withdrawn: readonly FinishedRow[],
  key: LeaseKey,
  outcome: Stopped,
  now: number,
  changes: Changes,
): boolean {
  if (conversation.stopped_turn !== key.turnId) return false
  conversation.stopped_turn = null
  changes.save(conversation)
  // Since when it had run went with its lease.
  addSpent(conversation, key, outcome.spent ?? [], { leasedAt: now, now }, changes)
  // The command may have begun a new history, or a message may have been deleted since.
  const isWhole = withdrawn.length === key.messages.length
  const isPast = withdrawn.some((row) => row.seq < conversation.history_from)
  keepShown(conversation, isWhole && !isPast ? withdrawn : [], outcome, now, changes)
  return true
}

/**
 * What a reader has seen of a stopped answer stays readable. It is outside the history, except with the blocks of its
 * turn: the model must know what its tools have done.
 *
 * @param questions the messages of the turn; empty = it cannot be part of the history any more
 */
function keepShown(
  conversation: ConversationRow,
  questions: readonly FinishedRow[],
  { text, blocks = null }: Stopped,
  now: number,
  changes: Changes,
): void {
  const message = { role: 'assistant', state: 'withdrawn', text, at: now } as const
  if (blocks === null || questions.length === 0) {
    if (text !== '') changes.insert(conversation, message)
    return
  }
  const stored = changes.insert(conversation, { ...message, blocks, inHistory: true })
  for (const row of questions) changes.change(row, { answered_by: stored.id, history_seq: stored.seq })
  conversation.history_characters += questions.reduce((sum, row) => sum + row.text.length, text.length)
}
