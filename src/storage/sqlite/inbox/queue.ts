import type { Cursor } from '../../../inbox/arrival.ts'
import type { WaitingCounts } from '../../../inbox/inbox.ts'
import type { ConversationId, Attachment, MessageState, StoredMessage } from '../../../inbox/message.ts'
import { Changes } from '../../policy/changes.ts'
import { decideDrop, decideRetry } from '../../policy/operator.ts'
import { MESSAGE_COLUMNS, storedMessage, WAITING } from '../../rows/message-row.ts'
import { answeringRows, asMessages, conversationByKey } from '../rows.ts'
import type { Session } from '../thread/session.ts'
import { apply } from './apply.ts'

/** See `Inbox.waiting`: the conversations without a lease, the longest waiting first. */
export function waiting(
  session: Session,
  now: number,
): ReadonlyArray<{ readonly conversationId: string; readonly at: number }> {
  return session
    .all(
      `SELECT c.id, m.not_before FROM
         (SELECT conversation, min(seq) AS seq FROM messages WHERE ${WAITING} GROUP BY conversation) w
         JOIN messages m ON m.conversation = w.conversation AND m.seq = w.seq
         JOIN conversations c ON c.key = w.conversation
         WHERE c.lease_turn IS NULL ORDER BY m.key`,
    )
    .map((row) => ({ conversationId: String(row['id']), at: Math.max(now, Number(row['not_before'])) }))
}

/** See `Inbox.counts`. */
export function counts(session: Session): WaitingCounts {
  const result = { received: 0, answering: 0, held: 0, parked: 0 }
  for (const state of ['received', 'answering', 'held', 'parked'] as const) {
    const row = session.get(
      `SELECT count(*) AS n FROM messages WHERE state <> 'answered' AND state = ?`,
      state,
    )
    result[state] = Number(row?.['n'])
  }
  const oldest = session.get(`SELECT min(at) AS at FROM messages WHERE ${WAITING}`)?.['at'] ?? null
  return { ...result, oldestAt: oldest === null ? null : Number(oldest) }
}

/** See `Inbox.attachment`. */
export function attachment(
  session: Session,
  id: string,
  within: ConversationId | null = null,
): Attachment | null {
  const row = session.get(
    `SELECT media_type, name, bytes FROM attachments a WHERE a.id = ?1 AND (?2 IS NULL OR EXISTS (
       SELECT 1 FROM messages m JOIN conversations c ON c.key = m.conversation WHERE m.key = a.message AND c.id = ?2))`,
    id,
    within,
  )
  if (!row) return null
  return {
    mediaType: String(row['media_type']),
    name: String(row['name']),
    bytes: row['bytes'] as Uint8Array,
  }
}

/** See `Inbox.cursor`. */
export function cursor(session: Session, channel: string, name: string): string | null {
  const row = session.get('SELECT value FROM cursors WHERE channel = ? AND name = ?', channel, name)
  return row ? String(row['value']) : null
}

/** See `Inbox.cursors`. */
export function cursors(session: Session, channel: string): ReadonlyArray<Omit<Cursor, 'channel'>> {
  return session
    .all('SELECT name, value FROM cursors WHERE channel = ?', channel)
    .map((row) => ({ name: String(row['name']), value: String(row['value']) }))
}

/** See `Inbox.queue`. */
export function queue(
  session: Session,
  filter: { readonly states: readonly MessageState[]; readonly limit: number },
): readonly StoredMessage[] {
  const found = filter.states.flatMap((state) => {
    // Within its index each single state is in key order; for "answered" the table itself is.
    const where = state === 'answered' ? `m.state = 'answered'` : `m.state <> 'answered' AND m.state = ?`
    const values = state === 'answered' ? [filter.limit] : [state, filter.limit]
    return session.all(
      `SELECT m.*, c.id AS conversation_id FROM messages m JOIN conversations c ON c.key = m.conversation
         WHERE ${where} AND m.role = 'user' ORDER BY m.key LIMIT ?`,
      ...values,
    )
  })
  return found
    .toSorted((a, b) => Number(a['key']) - Number(b['key']))
    .slice(0, filter.limit)
    .map((row) => storedMessage(asMessages([row])[0]!, String(row['conversation_id'])))
}

/** See `Inbox.message`. */
export function message(session: Session, messageId: string): StoredMessage | null {
  const row = session.get(
    `SELECT m.*, c.id AS conversation_id FROM messages m JOIN conversations c ON c.key = m.conversation
       WHERE m.id = ? AND m.role = 'user'`,
    messageId,
  )
  return row ? storedMessage(asMessages([row])[0]!, String(row['conversation_id'])) : null
}

/** See `Inbox.retry`. */
export function retry(session: Session, messageId: string): string | null {
  const found = findMessage(session, messageId)
  const changes = new Changes(session.pullChannels)
  if (!found || !decideRetry(found.conversation, found.row, changes)) return null
  apply(session, changes)
  return found.conversation.id
}

/** See `Inbox.drop`. */
export function drop(session: Session, messageId: string): string | null {
  const found = findMessage(session, messageId)
  if (!found) return null
  const { conversation, row } = found
  const answering = row.state === 'answering' ? answeringRows(session, conversation.key) : []
  const changes = new Changes(session.pullChannels)
  if (!decideDrop(conversation, row, answering, changes)) return null
  apply(session, changes)
  return conversation.id
}

/** A person's message and its conversation; null = there is none. */
function findMessage(session: Session, messageId: string) {
  const row = session.get(
    `SELECT ${MESSAGE_COLUMNS}, conversation FROM messages WHERE id = ? AND role = 'user'`,
    messageId,
  )
  if (!row) return null
  const conversation = conversationByKey(session, Number(row['conversation']))
  return { conversation, row: asMessages([row])[0]! }
}
