import type { Cursor, MessageContext } from '../../inbox/arrival.ts'
import type { WaitingCounts } from '../../inbox/inbox.ts'
import type { Attachment, ConversationId, MessageState, StoredMessage } from '../../inbox/message.ts'
import { PARKED_CURSORS } from '../../inbox/parked-inputs.ts'
import { LEASED_COLUMNS, storedMessage, WAITING, type LeasedRow } from '../rows/rows.ts'
import { query, type Steps } from './steps.ts'

/** The first waiting message of each conversation that has one, as `m`, with its conversation `c`. */
const HEADS = `(SELECT conversation, min(seq) AS seq FROM hermes.messages WHERE ${WAITING} GROUP BY conversation) w
  JOIN hermes.messages m ON m.conversation = w.conversation AND m.seq = w.seq
  JOIN hermes.conversations c ON c.key = w.conversation`

/** See `Inbox.waiting`: the conversations without a lease, the longest waiting first. */
export function* waiting(now: number) {
  const rows = yield* query<{ id: string; not_before: number }>(
    `SELECT c.id, m.not_before FROM ${HEADS} WHERE c.lease_turn IS NULL ORDER BY m.key`,
  )
  return rows.map((row) => ({ conversationId: row.id, at: Math.max(now, row.not_before) }))
}

/** The conversations with work, leased or not, the longest waiting first. */
export function* conversationsWithWork(): Steps<readonly ConversationId[]> {
  const rows = yield* query<{ id: string }>(`SELECT c.id FROM ${HEADS} ORDER BY m.key`)
  return rows.map((row) => row.id)
}

const COUNTS = (['received', 'answering', 'held', 'parked'] as const).map(
  (state) =>
    `(SELECT count(*) FROM hermes.messages WHERE state <> 'answered' AND state = '${state}') AS ${state}`,
)

/** See `Inbox.counts`. */
export function* counts(): Steps<WaitingCounts> {
  const [row] = yield* query<WaitingCounts & { readonly inputs: number }>(
    `SELECT ${COUNTS.join(', ')}, (SELECT min(at) FROM hermes.messages WHERE ${WAITING}) AS "oldestAt",
       (SELECT count(*) FROM hermes.cursors WHERE channel = '${PARKED_CURSORS}') AS inputs`,
  )
  const { inputs, ...messages } = row!
  return { ...messages, parked: messages.parked + inputs }
}

/** See `Inbox.attachment`. */
export function* attachment(id: string, within: ConversationId | null = null): Steps<Attachment | null> {
  const [row] = yield* query<{ media_type: string; name: string; bytes: Uint8Array }>(
    `SELECT media_type, name, bytes FROM hermes.attachments a WHERE a.id = $1 AND (CAST($2 AS text) IS NULL OR EXISTS (
       SELECT 1 FROM hermes.messages m JOIN hermes.conversations c ON c.key = m.conversation
         WHERE m.key = a.message AND c.id = $2))`,
    [id, within],
  )
  if (!row) return null
  // PostgreSQL's driver gives a part of a larger buffer.
  const bytes = Buffer.isBuffer(row.bytes) ? new Uint8Array(row.bytes) : row.bytes
  return { mediaType: row.media_type, name: row.name, bytes }
}

/** See `Inbox.cursor`. */
export function* cursor(channel: string, name: string): Steps<string | null> {
  const [row] = yield* query<{ value: string }>(
    'SELECT value FROM hermes.cursors WHERE channel = $1 AND name = $2',
    [channel, name],
  )
  return row?.value ?? null
}

/** See `Inbox.cursors`. */
export function* cursors(channel: string): Steps<ReadonlyArray<Omit<Cursor, 'channel'>>> {
  const rows = yield* query<Omit<Cursor, 'channel'>>(
    'SELECT name, value FROM hermes.cursors WHERE channel = $1',
    [channel],
  )
  return rows.map(({ name, value }) => ({ name, value }))
}

/** See `Inbox.removeCursor`. */
export function* removeCursor(channel: string, name: string): Steps<void> {
  yield* query('DELETE FROM hermes.cursors WHERE channel = $1 AND name = $2', [channel, name])
}

/** The conversations, by their keys, in which something is held for this reason. */
export function* heldFor(reason: string): Steps<readonly number[]> {
  const rows = yield* query<{ conversation: number }>(
    `SELECT DISTINCT conversation FROM hermes.messages WHERE state <> 'answered' AND state = 'held' AND reason = $1
       ORDER BY conversation`,
    [reason],
  )
  return rows.map(({ conversation }) => conversation)
}

type QueueRow = LeasedRow & { readonly conversation_id: string }

const QUEUED = `SELECT ${LEASED_COLUMNS}, (SELECT c.id FROM hermes.conversations c WHERE c.key = conversation) AS conversation_id
  FROM hermes.messages`

/** See `Inbox.queue`. */
export function* queue(filter: {
  readonly states: readonly MessageState[]
  readonly limit: number
}): Steps<readonly StoredMessage[]> {
  const found: QueueRow[] = []
  for (const state of filter.states) {
    // Within its index each single state is in key order; for "answered" the table itself is.
    const rows =
      state === 'answered'
        ? query<QueueRow>(`${QUEUED} WHERE state = 'answered' AND role = 'user' ORDER BY key LIMIT $1`, [
            filter.limit,
          ])
        : query<QueueRow>(
            `${QUEUED} WHERE state <> 'answered' AND state = $1 AND role = 'user' ORDER BY key LIMIT $2`,
            [state, filter.limit],
          )
    found.push(...(yield* rows))
  }
  return found
    .toSorted((a, b) => a.key - b.key)
    .slice(0, filter.limit)
    .map((row) => storedMessage(row, row.conversation_id))
}

/** See `Inbox.message`. */
export function* message(messageId: string): Steps<StoredMessage | null> {
  const [row] = yield* query<QueueRow>(`${QUEUED} WHERE id = $1 AND role = 'user'`, [messageId])
  return row ? storedMessage(row, row.conversation_id) : null
}

/** The context that came with a message, while it is kept. Only a message that is answered alone has one. */
export function* readContext(row: Pick<LeasedRow, 'key' | 'solo'>): Steps<MessageContext | null> {
  if (!row.solo) return null
  const [found] = yield* query<{
    digest: string
    json: string | Omit<MessageContext, 'digest'> | null
  }>('SELECT digest, json FROM hermes.contexts WHERE message = $1', [row.key])
  if (!found?.json) return null
  // SQLite stores it as text.
  const rest = typeof found.json === 'string' ? (JSON.parse(found.json) as typeof found.json) : found.json
  return { digest: found.digest, ...(rest as Omit<MessageContext, 'digest'>) }
}
