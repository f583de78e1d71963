import type { StepToStore } from '../../inbox/inbox.ts'
import type { ResultToStore } from '../../inbox/step.ts'
import type { ConversationRow, FinishedRow, LeasedRow } from '../rows/rows.ts'
import type { Changes } from './changes.ts'
import { holdsLease, type LeaseKey } from './lease.ts'
import { addSpent } from './ledger.ts'

/** What is known when a step of a turn, or the result of a call, is to be stored. */
interface JournalRows {
  readonly conversation: ConversationRow
  /** At least the messages that are being answered, oldest first. Not needed when the lease was lost. */
  readonly waiting: readonly FinishedRow[]
}

export interface StepRows extends JournalRows {
  /** How many steps of the turn are stored. */
  readonly stored: number
}

export interface ResultRows extends JournalRows {
  /** The call's row; null = no such call is stored. */
  readonly call: { readonly hasResult: boolean } | null
}

/** The message under whose key the steps of a turn are stored; null = nothing is being answered. */
export function journalHead<Row extends Pick<LeasedRow, 'state'>>(waiting: readonly Row[]): Row | null {
  return waiting.find((row) => row.state === 'answering') ?? null
}

/**
 * A step is stored once, in order, with what it has cost, and with the first one the turn's messages are frozen.
 *
 * @returns false when the lease is not the newest any more, or an earlier step is missing: nothing changes
 */
export function decideStep(
  { conversation, waiting, stored }: StepRows,
  key: LeaseKey,
  { step, terms, spent = [], settles }: StepToStore,
  now: number,
  changes: Changes,
): boolean {
  if (settles !== undefined) changes.settlements.push({ turnId: key.turnId, cost: settles })
  const head = journalHead(waiting)
  if (!head || !holdsLease(conversation, key) || step.index > stored) return false
  if (step.index < stored) return true
  if (!head.frozen) {
    for (const row of waiting) {
      if (row.state !== 'answering') continue
      changes.change(row, { frozen: true, group_id: row.group_id ?? key.turnId })
    }
  }
  changes.steps.push({
    message: head.key,
    step: step.index,
    response: step.response,
    max_tokens: step.maxTokens,
    terms: step.index === 0 ? terms : null,
    at: now,
  })
  for (const [place, call] of step.calls.entries()) {
    const done_at = call.result === null ? null : now
    changes.calls.push({ message: head.key, step: step.index, place, ...call, done_at })
  }
  addSpent(conversation, key, spent, { leasedAt: conversation.lease_at ?? now, now }, changes)
  return true
}

/**
 * Of several results of a call the first one stays: it is what the model may have been sent.
 *
 * @returns false when the lease is not the newest any more, or no intent was stored: nothing changes
 */
export function decideResult(
  { conversation, waiting, call }: ResultRows,
  key: LeaseKey,
  { index, callId, result }: ResultToStore,
  now: number,
  changes: Changes,
): boolean {
  const head = journalHead(waiting)
  if (!head || !holdsLease(conversation, key) || !call) return false
  if (!call.hasResult) {
    changes.results.push({ message: head.key, step: index, id: callId, result, done_at: now })
  }
  return true
}

/** The turn is over: its steps are removed, and its messages are like any others. */
export function endJournal(rows: ReadonlyArray<Pick<LeasedRow, 'key' | 'frozen'>>, changes: Changes): void {
  for (const row of rows) {
    if (!row.frozen) continue
    changes.endedJournals.push(row.key)
    changes.change(row, { frozen: false })
  }
}
