import type { SQLInputValue } from 'node:sqlite'
import type { Changes, MessageChange } from '../policy/changes.ts'
import { NEWEST_WAITING } from '../policy/group.ts'
import { settle } from '../records/budgets.ts'
import {
  FINISHED_COLUMNS,
  LEASED_COLUMNS,
  MESSAGE_COLUMNS,
  WAITING,
  type ConversationRow,
  type FinishedRow,
  type LeasedRow,
  type MessageRow,
} from '../rows/rows.ts'
import { runSteps } from './run-steps.ts'
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
const NEWEST_ROWS = `SELECT ${MESSAGE_COLUMNS} ${WAITING_OF} ORDER BY seq DESC LIMIT ?`
const IS_WAITING = `SELECT 1 ${WAITING_OF} LIMIT 1`
const ANSWERING_ROWS = `SELECT ${FINISHED_COLUMNS} ${WAITING_OF} AND state = 'answering' ORDER BY seq`
const WITHDRAWN_ROWS = `SELECT ${FINISHED_COLUMNS} FROM messages
  WHERE id IN (SELECT value FROM json_each(?)) AND conversation = ? AND state = 'withdrawn'
    AND reason IS NULL ORDER BY seq`

/** Messages of a conversation that wait or are being answered, oldest first. @param limit -1 = all */
export function waitingRows(session: Session, conversation: number, limit: number): readonly LeasedRow[] {
  return session.all(WAITING_ROWS, conversation, limit) as unknown as readonly LeasedRow[]
}

/** All of the messages of a conversation that wait or are being answered, whole. */
export function wholeWaitingRows(session: Session, conversation: number): readonly MessageRow[] {
  return session.all(WHOLE_ROWS, conversation) as unknown as readonly MessageRow[]
}

/** The newest messages of a conversation that wait or are being answered, whole, oldest first. */
export function newestWaitingRows(session: Session, conversation: number): readonly MessageRow[] {
  // Mostly there is none, and that is known for a third of what so many columns cost.
  if (!session.get(IS_WAITING, conversation)) return []
  const rows = session.all(NEWEST_ROWS, conversation, NEWEST_WAITING) as unknown as MessageRow[]
  return rows.toReversed()
}

/** The messages of a conversation that are being answered, oldest first. */
export function answeringRows(session: Session, conversation: number): readonly FinishedRow[] {
  return session.all(ANSWERING_ROWS, conversation) as unknown as readonly FinishedRow[]
}

/**
 * Those of the messages with these ids that belong to the conversation and were withdrawn with its whole queue, oldest
 * first: what its sender took back has a reason, and is not to be seen by the model.
 */
export function withdrawnRows(
  session: Session,
  conversation: number,
  ids: readonly string[],
): readonly FinishedRow[] {
  return session.all(WITHDRAWN_ROWS, JSON.stringify(ids), conversation) as unknown as readonly FinishedRow[]
}

/** Outage time observed so far, in milliseconds: the clock by which what is held grows old. */
export function observedOutage(session: Session): number {
  return Number(session.get(`SELECT value FROM counters WHERE name = 'observed_outage_ms'`)?.['value'] ?? 0)
}

/** Writes what was decided, as a part of the open transaction. Rows that were changed get their new revision. */
export function apply(session: Session, changes: Changes): void {
  const keys = new Map<string, number>()
  for (const row of changes.added) {
    const stored = {
      revision: session.nextRevision(),
      attachments: row.attachments && JSON.stringify(row.attachments),
    }
    keys.set(row.id, MESSAGE.insert(session, Object.assign(row, stored)))
  }
  for (const { id, message, at, attachment } of changes.files) {
    const { mediaType: media_type, name, bytes } = attachment
    ATTACHMENT.insert(session, { id, message: keys.get(message), media_type, name, at, bytes })
  }
  for (const { id, digest, json } of changes.contexts) {
    CONTEXT.insert(session, { message: keys.get(id), digest, json: json && JSON.stringify(json) })
  }
  for (const item of changes.sent) OUTBOX.insert(session, { ...item, message: keys.get(item.id) })
  for (const { row, change } of changes.changed.values()) {
    const revision = session.nextRevision()
    session.run(changeOf(change), ...Object.values(change).map(asStored), revision, row.key)
    Object.assign(row, { revision })
  }
  for (const [key, text, about] of changes.texts) session.run(TEXT, text, about, session.nextRevision(), key)
  for (const key of changes.usedContexts)
    session.run('UPDATE contexts SET json = NULL WHERE message = ?', key)
  for (const row of changes.saved.values()) session.run(SAVE, ...valuesOf(row, SAVED), row.key)
  for (const row of changes.participants) PARTICIPANT.insert(session, row)
  for (const turn of changes.turns) TURN.insert(session, turn)
  for (const [conversation, text] of changes.summaries) {
    if (text === null) session.run('DELETE FROM summaries WHERE conversation = ?', conversation)
    else SUMMARY.insert(session, { conversation, text })
  }
  applyJournals(session, changes)
  runSteps(session, settle(changes.settlements))
  for (const row of changes.seen) SEEN.insert(session, row)
  for (const cursor of changes.cursors) CURSOR.insert(session, cursor)
  if (changes.queueChanged) session.waitingTotal = null
  else if (session.waitingTotal !== null) session.waitingTotal += changes.arrived
}

/** The steps of turns. The counter rises with what changes no message, for the state of the store is another one. */
function applyJournals(session: Session, { steps, calls, results, endedJournals }: Changes): void {
  for (const step of steps) STEP.insert(session, step)
  for (const call of calls) CALL.insert(session, call)
  for (const { message, step, id, result, done_at } of results) {
    session.run(RESULT, result, done_at, message, step, id)
  }
  for (const message of endedJournals) {
    session.run('DELETE FROM calls WHERE message = ?', message)
    session.run('DELETE FROM steps WHERE message = ?', message)
  }
  if (steps.length + results.length > 0) session.nextRevision()
}

/** Adds rows of a table: the columns are listed, so that the text of the statement is made once. */
class Insert {
  readonly #columns: readonly string[]
  readonly #sql: string

  constructor(table: string, columns: string, onConflict = '') {
    this.#columns = columns.split(' ')
    const values = this.#columns.map(() => '?').join(', ')
    this.#sql = `INSERT INTO ${table} (${this.#columns.join(', ')}) VALUES (${values}) ${onConflict}`
  }

  /** @returns the key of the new row */
  insert(session: Session, row: object): number {
    const { lastInsertRowid } = session.sql(this.#sql).run(...valuesOf(row, this.#columns))
    return Number(lastInsertRowid)
  }
}

const MESSAGE = new Insert(
  'messages',
  'id conversation seq revision role state text preface blocks reason origin platform_id person_id person_name addressed command attachments about at answered_by history_seq held_base group_id solo leases not_before',
)
const ATTACHMENT = new Insert('attachments', 'id message media_type name at bytes')
const CONTEXT = new Insert('contexts', 'message digest json')
const OUTBOX = new Insert('outbox', 'message conversation kind reply_to draft asked_at at')
const PARTICIPANT = new Insert('participants', 'conversation person_id', 'ON CONFLICT DO NOTHING')
const TURN = new Insert(
  'turns',
  'id conversation model leased_at finished_at model_ms input_tokens output_tokens cache_read_tokens cache_write_tokens cache_write_1h_tokens web_searches kind requests person_id tool cost estimated subscription',
)
const SUMMARY = new Insert('summaries', 'conversation text', 'ON CONFLICT DO UPDATE SET text = excluded.text')
const STEP = new Insert('steps', 'message step response max_tokens terms at')
const CALL = new Insert('calls', 'message step place id tool class input result done_at')
const RESULT = 'UPDATE calls SET result = ?, done_at = ? WHERE message = ? AND step = ? AND id = ?'
const SEEN = new Insert('seen', 'origin platform_id at')
const CURSOR = new Insert('cursors', 'channel name value', 'ON CONFLICT DO UPDATE SET value = excluded.value')

/** The columns of a conversation that change. */
const SAVED =
  'address model effort next_seq history_from history_characters generation lease_turn lease_owner lease_at stopped_turn told_outage full_told_at last_at'.split(
    ' ',
  )
const SAVE = `UPDATE conversations SET ${SAVED.map((column) => `${column} = ?`).join(', ')} WHERE key = ?`

const TEXT = 'UPDATE messages SET text = ?, about = ?, revision = ? WHERE key = ?'

/** The statements that change messages, by the columns; decisions change few sets of them. */
const changing = new Map<string, string>()

function changeOf(change: MessageChange): string {
  const columns = Object.keys(change)
  const name = columns.join(' ')
  let sql = changing.get(name)
  if (sql === undefined) {
    sql = `UPDATE messages SET ${columns.map((column) => `${column} = ?`).join(', ')}, revision = ? WHERE key = ?`
    changing.set(name, sql)
  }
  return sql
}

function valuesOf(row: object, columns: readonly string[]): SQLInputValue[] {
  const values: SQLInputValue[] = []
  for (const column of columns) values.push(asStored((row as Readonly<Record<string, unknown>>)[column]))
  return values
}

/** SQLite has no booleans. */
function asStored(value: unknown): SQLInputValue {
  return typeof value === 'boolean' ? Number(value) : (value as SQLInputValue)
}
