import { MINUTE } from '../../../support/clock.ts'
import type { Row, Session } from '../thread/session.ts'

/** Rows removed in one transaction: a few milliseconds, so that a purge never holds up a message. */
const CHUNK = 200

export interface RetentionTerms {
  readonly messagesBefore: number
  readonly attachmentsBefore: number
  readonly figuresBefore: number
}

export interface Retained {
  readonly messages: number
  readonly attachments: number
  /** More is left than one transaction takes. */
  readonly more: boolean
}

/**
 * Removes some of what is older than its term. Keys rise with time, so the old rows are the first
 * ones, and looking ends at the first row that is young: no index by time, no scan.
 */
export function retain(session: Session, terms: RetentionTerms): Retained {
  const messages = firstOld(session, 'messages', terms.messagesBefore, mayGo)
  const emptied = messages.map((key) => soleConversationOf(session, key))
  for (const key of messages) removeMessage(session, key)
  for (const key of new Set(emptied)) if (key !== null) removeIfEmpty(session, key)
  const attachments = firstOld(session, 'attachments', terms.attachmentsBefore, attachmentMayGo)
  for (const key of attachments) session.run('DELETE FROM attachments WHERE key = ?', key)
  const figures = firstOld(session, 'turns', terms.figuresBefore, () => true)
  for (const key of figures) session.run('DELETE FROM turns WHERE key = ?', key)
  session.run('DELETE FROM figures WHERE minute < ?', Math.floor(terms.figuresBefore / MINUTE))
  session.run('DELETE FROM seen WHERE at < ?', terms.messagesBefore)
  session.run('DELETE FROM pairing_guesses WHERE at < ?', terms.messagesBefore)
  return {
    messages: messages.length,
    attachments: attachments.length,
    more: [messages, attachments, figures].some((rows) => rows.length === CHUNK),
  }
}

const TIME_COLUMN = { messages: 'at', attachments: 'at', turns: 'finished_at' } as const
const COLUMNS = { messages: 'key, state', attachments: 'key, message', turns: 'key' } as const

function firstOld(
  session: Session,
  table: keyof typeof TIME_COLUMN,
  before: number,
  accepts: (session: Session, row: Row) => boolean,
): readonly number[] {
  const found: number[] = []
  const time = TIME_COLUMN[table]
  const rows = session.sql(`SELECT ${COLUMNS[table]}, ${time} AS at FROM ${table} ORDER BY key`).iterate()
  for (const row of rows as Iterable<Row>) {
    if (Number(row['at']) >= before) break
    if (accepts(session, row)) found.push(Number(row['key']))
    if (found.length === CHUNK) break
  }
  return found
}

/** Nothing that waits for an answer, for the operator or for its delivery is ever too old. */
function mayGo(session: Session, row: Row): boolean {
  if (['received', 'answering', 'held', 'parked'].includes(String(row['state']))) return false
  return session.get('SELECT 1 FROM outbox WHERE message = ?', row['key']!) === undefined
}

function attachmentMayGo(session: Session, row: Row): boolean {
  const message = session.get('SELECT key, state FROM messages WHERE key = ?', row['message']!)
  return message === undefined || mayGo(session, message)
}

/** The conversation that was made for this one message, which brought its context along; null = it is of another kind. */
function soleConversationOf(session: Session, message: number): number | null {
  const row = session.get(
    'SELECT m.conversation FROM contexts c JOIN messages m ON m.key = c.message WHERE c.message = ?',
    message,
  )
  return row ? Number(row['conversation']) : null
}

function removeIfEmpty(session: Session, conversation: number): void {
  if (session.get('SELECT 1 FROM messages WHERE conversation = ? LIMIT 1', conversation)) return
  removeConversation(session, conversation)
}

/** Removes a conversation with all that hangs on it. @returns how many messages went */
export function removeConversation(session: Session, key: number): number {
  const rows = session.all('SELECT key FROM messages WHERE conversation = ?', key)
  for (const row of rows) removeMessage(session, Number(row['key']))
  const origins = session.all('SELECT key FROM addresses WHERE conversation = ?', key)
  for (const origin of origins) session.run('DELETE FROM seen WHERE origin = ?', origin['key']!)
  for (const table of ['addresses', 'turns', 'summaries', 'participants']) {
    session.run(`DELETE FROM ${table} WHERE conversation = ?`, key)
  }
  session.run('DELETE FROM conversations WHERE key = ?', key)
  return rows.length
}

/** Removes a message with all that hangs on it. */
export function removeMessage(session: Session, key: number): void {
  session.run('DELETE FROM receipts WHERE message = ?', key)
  session.run('DELETE FROM outbox WHERE message = ?', key)
  session.run('DELETE FROM attachments WHERE message = ?', key)
  session.run('DELETE FROM contexts WHERE message = ?', key)
  session.run('DELETE FROM messages WHERE key = ?', key)
}
