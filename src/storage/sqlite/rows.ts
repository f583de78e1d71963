import type { ConversationRow } from '../rows/conversation-row.ts'
import { MESSAGE_COLUMNS, WAITING, type MessageRow } from '../rows/message-row.ts'
import type { Row, Session } from './thread/session.ts'

export function conversationById(session: Session, id: string): ConversationRow | null {
  return asConversation(session.get('SELECT * FROM conversations WHERE id = ?', id))
}

export function conversationByKey(session: Session, key: number): ConversationRow {
  return asConversation(session.get('SELECT * FROM conversations WHERE key = ?', key))!
}

/** What a row looks like is known by the schema, not by the compiler. */
function asConversation(row: Row | undefined): ConversationRow | null {
  return row ? (row as unknown as ConversationRow) : null
}

export function asMessages(rows: readonly Row[]): readonly MessageRow[] {
  return rows as unknown as readonly MessageRow[]
}

/** Messages of a conversation that wait or are being answered, oldest first. @param limit -1 = all */
export function waitingRows(session: Session, conversation: number, limit: number): readonly MessageRow[] {
  return asMessages(
    session.all(
      `SELECT ${MESSAGE_COLUMNS} FROM messages WHERE conversation = ? AND ${WAITING} ORDER BY seq LIMIT ?`,
      conversation,
      limit,
    ),
  )
}

/** The messages of a conversation that are being answered, oldest first. */
export function answeringRows(session: Session, conversation: number): readonly MessageRow[] {
  return asMessages(
    session.all(
      `SELECT ${MESSAGE_COLUMNS} FROM messages WHERE conversation = ? AND ${WAITING} AND state = 'answering' ORDER BY seq`,
      conversation,
    ),
  )
}

/** Outage time observed so far, in milliseconds: the clock by which what is held grows old. */
export function observedOutage(session: Session): number {
  return Number(session.get(`SELECT value FROM counters WHERE name = 'observed_outage_ms'`)?.['value'] ?? 0)
}
