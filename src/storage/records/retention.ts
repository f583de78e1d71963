import type { Conversations } from '../../conversation/conversations.ts'
import { MINUTE } from '../../support/clock.ts'
import { removeBudgetsOf, removeOldBudgets } from './budgets.ts'
import { query, type Steps } from './steps.ts'

export type RetentionTerms = Parameters<Conversations['retain']>[0]

/** How far a removal has come: the last keys that were read. */
export interface RetentionPosition {
  readonly messages: number
  readonly attachments: number
  readonly turns: number
}

/** What one step removed, and where the next one begins; null = that was the last. */
export interface Removed {
  readonly messages: number
  readonly attachments: number
  /** Conversations that were made for one message with a context, and may be empty now. */
  readonly sole: readonly number[]
  readonly next: RetentionPosition | null
}

/** Rows of a table read and removed in one step: a few milliseconds, so that a removal never holds up a message. */
const AT_ONCE = 200

/**
 * A message that waits for an answer, for the operator or for its delivery is never too old. Checked row by
 * row: for an EXISTS the planner may hash the whole other table.
 */
const KEPT = `(m.state IN ('received', 'answering', 'held', 'parked')
  OR (SELECT o.message FROM hermes.outbox o WHERE o.message = m.key) IS NOT NULL)`

const OLD = {
  messages: `SELECT m.key, m.at, ${KEPT} AS kept FROM hermes.messages m WHERE m.key > $1 ORDER BY m.key LIMIT $2`,
  attachments: `SELECT a.key, a.at, coalesce((SELECT ${KEPT} FROM hermes.messages m WHERE m.key = a.message), false) AS kept
    FROM hermes.attachments a WHERE a.key > $1 ORDER BY a.key LIMIT $2`,
  turns: `SELECT key, finished_at AS at, false AS kept FROM hermes.turns WHERE key > $1 ORDER BY key LIMIT $2`,
}

/**
 * Removes some of what is older than its term. Keys rise with time, so the old rows are the first ones, and the
 * search ends at the first row that is recent: no index by time, no scan.
 */
export function* removeOld(terms: RetentionTerms, from: RetentionPosition | null): Steps<Removed> {
  const { messagesBefore, attachmentsBefore, figuresBefore } = terms
  const messages = yield* findOld('messages', messagesBefore, from)
  const sole = yield* soleConversations(messages.keys)
  yield* removeMessages(messages.keys)
  const attachments = yield* findOld('attachments', attachmentsBefore, from)
  yield* removeByKey('attachments', attachments.keys)
  const turns = yield* findOld('turns', figuresBefore, from)
  yield* removeByKey('turns', turns.keys)
  if (from === null) {
    yield* query('DELETE FROM hermes.figures WHERE minute < $1', [Math.floor(figuresBefore / MINUTE)])
    yield* removeOldBudgets(figuresBefore)
    yield* query('DELETE FROM hermes.seen WHERE at < $1', [messagesBefore])
    yield* query('DELETE FROM hermes.pairing_guesses WHERE at < $1', [messagesBefore])
    yield* query('DELETE FROM hermes.pairings WHERE approved_at IS NULL AND expires_at < $1', [
      messagesBefore,
    ])
  }
  const next = { messages: messages.last, attachments: attachments.last, turns: turns.last }
  return {
    messages: messages.keys.length,
    attachments: attachments.keys.length,
    sole,
    next: [messages, attachments, turns].some(({ more }) => more) ? next : null,
  }
}

/** Runs `step` until nothing old is left. */
export async function removeAllOld(
  step: (from: RetentionPosition | null) => Promise<Removed>,
): ReturnType<Conversations['retain']> {
  let [messages, attachments] = [0, 0]
  let from: RetentionPosition | null = null
  do {
    const removed: Removed = await step(from)
    messages += removed.messages
    attachments += removed.attachments
    from = removed.next
  } while (from !== null)
  return { messages, attachments }
}

interface Old {
  /** Those that are not kept. */
  readonly keys: readonly number[]
  readonly last: number
  readonly more: boolean
}

function* findOld(table: keyof typeof OLD, before: number, from: RetentionPosition | null): Steps<Old> {
  const after = from?.[table] ?? 0
  const rows = yield* query<{ key: number; at: number; kept: boolean | number }>(OLD[table], [after, AT_ONCE])
  const recent = rows.findIndex((row) => row.at >= before)
  const old = recent === -1 ? rows : rows.slice(0, recent)
  return {
    keys: old.filter((row) => !row.kept).map((row) => row.key),
    last: old.at(-1)?.key ?? after,
    more: old.length === AT_ONCE,
  }
}

function* removeByKey(table: 'attachments' | 'turns', keys: readonly number[]): Steps<void> {
  if (keys.length > 0) yield* query(`DELETE FROM hermes.${table} WHERE key = ANY ($1::bigint[])`, [keys])
}

function* soleConversations(messages: readonly number[]): Steps<readonly number[]> {
  if (messages.length === 0) return []
  const rows = yield* query<{ conversation: number }>(
    `SELECT DISTINCT m.conversation FROM hermes.contexts c JOIN hermes.messages m ON m.key = c.message
       WHERE c.message = ANY ($1::bigint[])`,
    [messages],
  )
  return rows.map((row) => row.conversation)
}

/** Removes a conversation of which no message is left. Its row must be locked. */
export function* removeIfEmpty(key: number): Steps<void> {
  const left = yield* query('SELECT 1 FROM hermes.messages WHERE conversation = $1 LIMIT 1', [key])
  if (left.length === 0) yield* removeConversation(key)
}

/** Removes a conversation, whose row must be locked, with all that belongs to it. @returns how many messages were removed */
export function* removeConversation(key: number): Steps<number> {
  const rows = yield* query<{ key: number }>('SELECT key FROM hermes.messages WHERE conversation = $1', [key])
  yield* removeMessages(rows.map((row) => row.key))
  yield* query(
    'DELETE FROM hermes.seen WHERE origin IN (SELECT key FROM hermes.addresses WHERE conversation = $1)',
    [key],
  )
  for (const table of ['addresses', 'turns', 'summaries', 'participants']) {
    yield* query(`DELETE FROM hermes.${table} WHERE conversation = $1`, [key])
  }
  const gone = yield* query<{ id: string }>('DELETE FROM hermes.conversations WHERE key = $1 RETURNING id', [
    key,
  ])
  for (const { id } of gone) yield* removeBudgetsOf('chat', id)
  return rows.length
}

/** Removes messages with all that belongs to them. */
export function* removeMessages(keys: readonly number[]): Steps<void> {
  if (keys.length === 0) return
  for (const table of ['receipts', 'outbox', 'attachments', 'contexts', 'calls', 'steps']) {
    yield* query(`DELETE FROM hermes.${table} WHERE message = ANY ($1::bigint[])`, [keys])
  }
  yield* query('DELETE FROM hermes.messages WHERE key = ANY ($1::bigint[])', [keys])
}
