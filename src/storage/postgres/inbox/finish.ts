import type { Outage } from '../../../inbox/arrival.ts'
import type { TurnOutcome } from '../../../inbox/lease.ts'
import type { LeaseKey } from '../../policy/lease-terms.ts'
import { answerMessage, answerSending, draftOf, historyGrowth, type Moment } from '../../policy/turn-end.ts'
import { WAITING } from '../../rows/message-row.ts'
import type { Transaction } from '../connection/database.ts'
import { clean } from '../connection/statements.ts'
import {
  lockConversation,
  MESSAGE_COLUMNS,
  observedOutage,
  type ConversationRow,
  type MessageRow,
} from '../rows.ts'
import { dropContexts } from './message-contexts.ts'
import { Work, type StoreContext } from './work.ts'

/** How a turn ended, and what must be sent because of it. See `Inbox.finish`. */
export async function finish(
  tx: Transaction,
  context: StoreContext,
  key: LeaseKey,
  outcome: TurnOutcome,
  now: number,
): Promise<boolean> {
  const id = clean(key.conversationId)
  // Sent together, executed in order: the reads are protected by the lock.
  const [conversation, rows] = await Promise.all([
    lockConversation(tx, id),
    tx.query<MessageRow>(
      `SELECT ${MESSAGE_COLUMNS} FROM hermes.messages
         WHERE conversation = (SELECT key FROM hermes.conversations WHERE id = $1)
           AND ${WAITING} AND state = 'answering' ORDER BY seq`,
      [id],
    ),
  ])
  if (!conversation) return false
  const work = new Work(tx, context)
  if (conversation.lease_turn !== key.turnId || conversation.generation !== key.generation) {
    return outcome.kind === 'stopped' && (await finishStopped(work, conversation, key, outcome.text, now))
  }
  const leasedAt = conversation.lease_at ?? now
  conversation.lease_turn = conversation.lease_owner = conversation.lease_at = null
  context.waitingTotal.forget()
  work.save(conversation)
  for (const row of rows) work.change(row, { leases: 0 })
  await applyOutcome(work, conversation, rows, outcome, { turnId: key.turnId, leasedAt, now })
  await work.commit()
  return true
}

async function applyOutcome(
  work: Work,
  conversation: ConversationRow,
  rows: readonly MessageRow[],
  outcome: TurnOutcome,
  moment: Moment,
): Promise<void> {
  switch (outcome.kind) {
    case 'answered':
      return await answer(work, conversation, rows, outcome, moment)
    case 'refused':
    case 'parked':
      return turnDown(work, conversation, rows, outcome, moment.now)
    case 'held': {
      const observed = await observedOutage(work.tx)
      for (const row of rows) {
        const held_base = row.held_base ?? observed
        work.change(row, { state: 'held', reason: outcome.outage.reason, held_base })
      }
      return await notifyOfOutage(work, conversation, outcome.outage, moment.now)
    }
    case 'returned':
      for (const row of rows) {
        const split = outcome.split ? { group_id: null, solo: true } : {}
        work.change(row, { state: 'received', reason: null, ...split })
      }
      return
    case 'failed':
      for (const row of rows) {
        const failed = { failures: row.failures + 1, not_before: outcome.retryAt }
        work.change(row, { state: 'received', reason: outcome.reason, ...failed })
      }
      return
    case 'stopped':
      for (const row of rows) work.change(row, { state: 'withdrawn', reason: null })
      return keepShownText(work, conversation, outcome.text, moment.now)
  }
}

async function answer(
  work: Work,
  conversation: ConversationRow,
  rows: readonly MessageRow[],
  outcome: Extract<TurnOutcome, { kind: 'answered' }>,
  { turnId, leasedAt, now }: Moment,
): Promise<void> {
  const stored = work.insert(conversation, answerMessage(outcome, now))
  await dropContexts(work.tx, rows)
  for (const row of rows) {
    work.change(row, {
      state: 'answered',
      reason: null,
      answered_by: stored.id,
      history_seq: stored.seq,
      draft: null,
    })
  }
  conversation.history_characters += historyGrowth(rows, outcome)
  work.send(conversation, stored.id, answerSending(rows, now))
  if (outcome.summary !== undefined) {
    await work.tx.query(
      `INSERT INTO hermes.summaries (conversation, text) VALUES ($1, $2)
         ON CONFLICT (conversation) DO UPDATE SET text = excluded.text`,
      [conversation.key, clean(outcome.summary)],
    )
    // What the summary covers is never handed out again, so that the cost of a turn depends only on the kept history.
    if (outcome.summaryUpTo !== undefined) {
      conversation.history_from = Math.max(conversation.history_from, outcome.summaryUpTo + 1)
    }
  }
  work.turn({
    id: turnId,
    conversation: conversation.key,
    model: outcome.model,
    leased_at: leasedAt,
    finished_at: now,
    model_ms: outcome.modelMs,
    input_tokens: outcome.usage.inputTokens,
    output_tokens: outcome.usage.outputTokens,
    cache_read_tokens: outcome.usage.cacheReadTokens,
    cache_write_tokens: outcome.usage.cacheWriteTokens,
  })
}

/** Refused or parked: the person reads a sentence, in the draft's place where one was shown. */
function turnDown(
  work: Work,
  conversation: ConversationRow,
  rows: readonly MessageRow[],
  outcome: Extract<TurnOutcome, { kind: 'refused' | 'parked' }>,
  now: number,
): void {
  const notice = work.notify(conversation, outcome.notice, {
    replyTo: rows.at(-1)?.platform_id ?? null,
    draft: draftOf(rows),
    at: now,
  })
  for (const row of rows) {
    const { kind: state, reason } = outcome
    work.change(row, { state, reason, answered_by: notice.id, group_id: null, draft: null })
  }
}

/** Once per outage, and only if a waiting message of the conversation was addressed to the bot. */
async function notifyOfOutage(
  work: Work,
  conversation: ConversationRow,
  outage: Outage,
  now: number,
): Promise<void> {
  if (outage.notice === null || conversation.told_outage === outage.id) return
  const welcome = await work.tx.query(
    `SELECT 1 FROM hermes.messages WHERE conversation = $1 AND ${WAITING} AND addressed LIMIT 1`,
    [conversation.key],
  )
  if (welcome.length === 0) return
  conversation.told_outage = outage.id
  work.notify(conversation, outage.notice, { replyTo: null, at: now })
}

/** A command stopped the turn and revoked its lease: only the text already shown is still stored. */
async function finishStopped(
  work: Work,
  conversation: ConversationRow,
  key: LeaseKey,
  text: string,
  now: number,
): Promise<boolean> {
  if (conversation.stopped_turn !== key.turnId) return false
  conversation.stopped_turn = null
  work.save(conversation)
  keepShownText(work, conversation, text, now)
  await work.commit()
  return true
}

/** What a reader has seen of a stopped answer stays readable, outside the history. */
function keepShownText(work: Work, conversation: ConversationRow, text: string, now: number): void {
  if (text === '') return
  work.insert(conversation, { role: 'assistant', state: 'withdrawn', text, at: now })
}
