import type { TurnOutcome } from '../../../inbox/lease.ts'
import type { LeaseKey } from '../../policy/lease-terms.ts'
import { answerMessage, answerSending, draftOf, historyGrowth, type Moment } from '../../policy/turn-end.ts'
import type { ConversationRow } from '../../rows/conversation-row.ts'
import {
  conversationById,
  insertMessage,
  notify,
  observedOutage,
  saveConversation,
  send,
  type MessageRow,
} from '../rows.ts'
import type { Session } from '../thread/session.ts'
import { notifyOfOutage } from './hold.ts'
import { leasedConversation } from './lease.ts'
import { dropContext } from './message-contexts.ts'
import { answeringRows, setState } from './withdraw.ts'

/** How a turn ended, and what must be sent because of it. See `Inbox.finish`. */
export function finish(session: Session, key: LeaseKey, outcome: TurnOutcome, now: number): boolean {
  const conversation = leasedConversation(session, key)
  if (!conversation) return outcome.kind === 'stopped' && finishStopped(session, key, outcome.text, now)
  const rows = answeringRows(session, conversation)
  const leasedAt = conversation.lease_at ?? now
  conversation.lease_turn = conversation.lease_owner = conversation.lease_at = null
  session.waitingTotal = null
  applyOutcome(session, conversation, rows, outcome, { turnId: key.turnId, leasedAt, now })
  for (const row of rows) session.run('UPDATE messages SET leases = 0 WHERE key = ? AND leases <> 0', row.key)
  saveConversation(session, conversation)
  return true
}

function applyOutcome(
  session: Session,
  conversation: ConversationRow,
  rows: readonly MessageRow[],
  outcome: TurnOutcome,
  moment: Moment,
): void {
  switch (outcome.kind) {
    case 'answered':
      return answer(session, conversation, rows, outcome, moment)
    case 'refused':
    case 'parked':
      return turnDown(session, conversation, rows, outcome, moment.now)
    case 'held': {
      const observed = observedOutage(session)
      for (const row of rows) {
        session.run(
          `UPDATE messages SET state = 'held', reason = ?, held_base = coalesce(held_base, ?), revision = ? WHERE key = ?`,
          outcome.outage.reason,
          observed,
          session.nextRevision(),
          row.key,
        )
      }
      notifyOfOutage(session, conversation, outcome.outage, moment.now)
      return
    }
    case 'returned':
      for (const row of rows) {
        setState(session, row.key, 'received', null)
        if (outcome.split) session.run('UPDATE messages SET group_id = NULL, solo = 1 WHERE key = ?', row.key)
      }
      return
    case 'failed':
      for (const row of rows) {
        setState(session, row.key, 'received', outcome.reason)
        session.run(
          'UPDATE messages SET failures = failures + 1, not_before = ? WHERE key = ?',
          outcome.retryAt,
          row.key,
        )
      }
      return
    case 'stopped':
      for (const row of rows) setState(session, row.key, 'withdrawn', null)
      return keepShownText(session, conversation, outcome.text, moment.now)
  }
}

function answer(
  session: Session,
  conversation: ConversationRow,
  rows: readonly MessageRow[],
  outcome: Extract<TurnOutcome, { kind: 'answered' }>,
  { turnId, leasedAt, now }: Moment,
): void {
  const stored = insertMessage(session, conversation, answerMessage(outcome, now))
  for (const row of rows) {
    if (row.solo === 1) dropContext(session, row.key)
    session.run(
      `UPDATE messages SET state = 'answered', reason = NULL, answered_by = ?, history_seq = ?, draft = NULL,
         revision = ? WHERE key = ?`,
      stored.id,
      stored.seq,
      session.nextRevision(),
      row.key,
    )
  }
  conversation.history_characters += historyGrowth(rows, outcome)
  send(session, conversation, stored.key, answerSending(rows, now))
  if (outcome.summary !== undefined) {
    session.run(
      'INSERT INTO summaries (conversation, text) VALUES (?, ?) ON CONFLICT DO UPDATE SET text = excluded.text',
      conversation.key,
      outcome.summary,
    )
    // What the summary covers is never handed out again, so that the cost of a turn depends only on the kept history.
    if (outcome.summaryUpTo !== undefined) {
      conversation.history_from = Math.max(conversation.history_from, outcome.summaryUpTo + 1)
    }
  }
  session.run(
    `INSERT INTO turns (id, conversation, model, leased_at, finished_at, model_ms, input_tokens, output_tokens,
       cache_read_tokens, cache_write_tokens) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    turnId,
    conversation.key,
    outcome.model,
    leasedAt,
    now,
    outcome.modelMs,
    outcome.usage.inputTokens,
    outcome.usage.outputTokens,
    outcome.usage.cacheReadTokens,
    outcome.usage.cacheWriteTokens,
  )
}

/** Refused or parked: the person reads a sentence, in the draft's place where one was shown. */
function turnDown(
  session: Session,
  conversation: ConversationRow,
  rows: readonly MessageRow[],
  outcome: Extract<TurnOutcome, { kind: 'refused' | 'parked' }>,
  now: number,
): void {
  const notice = notify(session, conversation, outcome.notice, {
    replyTo: rows.at(-1)?.platform_id ?? null,
    draft: draftOf(rows),
    at: now,
  })
  for (const row of rows) {
    session.run(
      `UPDATE messages SET state = ?, reason = ?, answered_by = ?, group_id = NULL, draft = NULL, revision = ?
       WHERE key = ?`,
      outcome.kind,
      outcome.reason,
      notice.id,
      session.nextRevision(),
      row.key,
    )
  }
}

/** A command stopped the turn and revoked its lease: only the text already shown is still stored. */
function finishStopped(session: Session, key: LeaseKey, text: string, now: number): boolean {
  const conversation = conversationById(session, key.conversationId)
  if (!conversation || conversation.stopped_turn !== key.turnId) return false
  conversation.stopped_turn = null
  keepShownText(session, conversation, text, now)
  saveConversation(session, conversation)
  return true
}

/** What a reader has seen of a stopped answer stays readable, outside the history. */
function keepShownText(session: Session, conversation: ConversationRow, text: string, now: number): void {
  if (text === '') return
  insertMessage(session, conversation, { role: 'assistant', state: 'withdrawn', text, at: now })
}
