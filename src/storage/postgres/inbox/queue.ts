import type { Cursor } from '../../../inbox/arrival.ts'
import type { WaitingCounts } from '../../../inbox/inbox.ts'
import {
  type ConversationId,
  type Attachment,
  type MessageState,
  type StoredMessage,
} from '../../../inbox/message.ts'
import { Changes } from '../../policy/changes.ts'
import { decideDrop, decideRetry } from '../../policy/operator.ts'
import { MESSAGE_COLUMNS, storedMessage, WAITING, type MessageRow } from '../../rows/message-row.ts'
import type { Queryable, Transaction } from '../connection/database.ts'
import { clean } from '../connection/statements.ts'
import { lockConversations, waitingRows } from '../rows.ts'
import { commit, type StoreContext } from './apply.ts'

/** See `Inbox.waiting`: the conversations without a lease, the longest waiting first. */
export async function waiting(
  db: Queryable,
  now: number,
): Promise<ReadonlyArray<{ readonly conversationId: string; readonly at: number }>> {
  const rows = await db.query<{ id: string; not_before: number }>(
    `SELECT c.id, m.not_before FROM
       (SELECT conversation, min(seq) AS seq FROM hermes.messages WHERE ${WAITING} GROUP BY conversation) w
       JOIN hermes.messages m ON m.conversation = w.conversation AND m.seq = w.seq
       JOIN hermes.conversations c ON c.key = w.conversation
       WHERE c.lease_turn IS NULL ORDER BY m.key`,
  )
  return rows.map((row) => ({ conversationId: row.id, at: Math.max(now, row.not_before) }))
}

/** See `Inbox.counts`. */
export async function counts(db: Queryable): Promise<WaitingCounts> {
  const [row] = await db.query<WaitingCounts>(
    `SELECT ${(['received', 'answering', 'held', 'parked'] as const)
      .map(
        (state) =>
          `(SELECT count(*) FROM hermes.messages WHERE state <> 'answered' AND state = '${state}') AS ${state}`,
      )
      .join(', ')}, (SELECT min(at) FROM hermes.messages WHERE ${WAITING}) AS "oldestAt"`,
  )
  return row!
}

/** See `Inbox.attachment`. */
export async function attachment(
  db: Queryable,
  id: string,
  within: ConversationId | null = null,
): Promise<Attachment | null> {
  const [row] = await db.query<{ media_type: string; name: string; bytes: Buffer }>(
    `SELECT media_type, name, bytes FROM hermes.attachments a WHERE a.id = $1 AND ($2::text IS NULL OR EXISTS (
       SELECT 1 FROM hermes.messages m JOIN hermes.conversations c ON c.key = m.conversation
         WHERE m.key = a.message AND c.id = $2))`,
    [clean(id), within === null ? null : clean(within)],
  )
  return row ? { mediaType: row.media_type, name: row.name, bytes: new Uint8Array(row.bytes) } : null
}

/** See `Inbox.cursor`. */
export async function cursor(db: Queryable, channel: string, name: string): Promise<string | null> {
  const [row] = await db.query<{ value: string }>(
    'SELECT value FROM hermes.cursors WHERE channel = $1 AND name = $2',
    [clean(channel), clean(name)],
  )
  return row?.value ?? null
}

/** See `Inbox.cursors`. */
export function cursors(db: Queryable, channel: string): Promise<ReadonlyArray<Omit<Cursor, 'channel'>>> {
  return db.query('SELECT name, value FROM hermes.cursors WHERE channel = $1', [clean(channel)])
}

type QueueRow = MessageRow & { readonly conversation_id: string }

const QUEUE_COLUMNS = `${MESSAGE_COLUMNS}, (SELECT c.id FROM hermes.conversations c WHERE c.key = conversation) AS conversation_id`

/** See `Inbox.queue`. */
export async function queue(
  db: Queryable,
  filter: { readonly states: readonly MessageState[]; readonly limit: number },
): Promise<readonly StoredMessage[]> {
  const found = await Promise.all(
    filter.states.map((state) =>
      // Within its index each single state is in key order; for "answered" the table itself is.
      state === 'answered'
        ? db.query<QueueRow>(
            `SELECT ${QUEUE_COLUMNS} FROM hermes.messages WHERE state = 'answered' AND role = 'user' ORDER BY key LIMIT $1`,
            [filter.limit],
          )
        : db.query<QueueRow>(
            `SELECT ${QUEUE_COLUMNS} FROM hermes.messages
               WHERE state <> 'answered' AND state = $1 AND role = 'user' ORDER BY key LIMIT $2`,
            [state, filter.limit],
          ),
    ),
  )
  return found
    .flat()
    .toSorted((a, b) => a.key - b.key)
    .slice(0, filter.limit)
    .map((row) => storedMessage(row, row.conversation_id))
}

/** See `Inbox.message`. */
export async function message(db: Queryable, messageId: string): Promise<StoredMessage | null> {
  const [row] = await db.query<QueueRow>(
    `SELECT ${QUEUE_COLUMNS} FROM hermes.messages WHERE id = $1 AND role = 'user'`,
    [clean(messageId)],
  )
  return row ? storedMessage(row, row.conversation_id) : null
}

/** See `Inbox.retry`. */
export async function retry(
  tx: Transaction,
  context: StoreContext,
  messageId: string,
): Promise<string | null> {
  const found = await locked(tx, messageId)
  const changes = new Changes(context.pullChannels)
  if (!found || !decideRetry(found.conversation, found.row, changes)) return null
  await commit(tx, context, changes)
  return found.conversation.id
}

/** See `Inbox.drop`. */
export async function drop(
  tx: Transaction,
  context: StoreContext,
  messageId: string,
): Promise<string | null> {
  const found = await locked(tx, messageId)
  if (!found) return null
  const { conversation, row } = found
  const waiting = row.state === 'answering' ? await waitingRows(tx, [conversation.key]) : new Map()
  const changes = new Changes(context.pullChannels)
  if (!decideDrop(conversation, row, waiting.get(conversation.key) ?? [], changes)) return null
  await commit(tx, context, changes)
  return conversation.id
}

/** A person's message as it is under the lock of its conversation; null = there is none. */
async function locked(tx: Transaction, messageId: string) {
  const id = clean(messageId)
  const [place] = await tx.query<{ conversation: number }>(
    `SELECT conversation FROM hermes.messages WHERE id = $1 AND role = 'user'`,
    [id],
  )
  if (!place) return null
  const [[conversation], [row]] = await Promise.all([
    lockConversations(tx, [place.conversation]),
    tx.query<MessageRow>(
      `SELECT ${MESSAGE_COLUMNS} FROM hermes.messages WHERE id = $1 AND conversation = $2`,
      [id, place.conversation],
    ),
  ])
  return conversation && row ? { conversation, row } : null
}
