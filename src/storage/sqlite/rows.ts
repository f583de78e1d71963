import type { ConversationRow } from '../rows/conversation-row.ts'
import {
  FINISHED_COLUMNS,
  LEASED_COLUMNS,
  MESSAGE_COLUMNS,
  WAITING,
  type FinishedRow,
  type LeasedRow,
  type MessageRow,
} from '../rows/message-row.ts'
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

const WAITING_OF = `FROM messages WHERE conversation = ? AND ${WAITING}`
const WAITING_ROWS = `SELECT ${LEASED_COLUMNS} ${WAITING_OF} ORDER BY seq LIMIT ?`
const WHOLE_ROWS = `SELECT ${MESSAGE_COLUMNS} ${WAITING_OF} ORDER BY seq`
const ANSWERING_ROWS = `SELECT ${FINISHED_COLUMNS} ${WAITING_OF} AND state = 'answering' ORDER BY seq`

/** Messages of a conversation that wait or are being answered, oldest first. @param limit -1 = all */
export function waitingRows(session: Session, conversation: number, limit: number): readonly LeasedRow[] {
  return session.all(WAITING_ROWS, conversation, limit) as unknown as readonly LeasedRow[]
}

/** All of the messages of a conversation that wait or are being answered, whole. */
export function wholeWaitingRows(session: Session, conversation: number): readonly MessageRow[] {
  return session.all(WHOLE_ROWS, conversation) as unknown as readonly MessageRow[]
}

/** The messages of a conversation that are being answered, oldest first. */
export function answeringRows(session: Session, conversation: number): readonly FinishedRow[] {
  return session.all(ANSWERING_ROWS, conversation) as unknown as readonly FinishedRow[]
}

/** Outage time observed so far, in milliseconds: the clock by which what is held grows old. */
export function observedOutage(session: Session): number {
  return Number(session.get(`SELECT value FROM counters WHERE name = 'observed_outage_ms'`)?.['value'] ?? 0)
}
