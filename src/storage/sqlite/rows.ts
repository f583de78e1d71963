import type { AttachmentInfo, StoredMessage } from '../../inbox/message.ts'
import { newId } from '../../support/ids.ts'
import type { ConversationRow } from '../rows/conversation-row.ts'
import { asStoredMessage, type MessageFields } from '../rows/message-row.ts'
import type { NewMessage, Sending } from '../rows/new-message.ts'
import { saveContext } from './inbox/message-contexts.ts'
import type { Row, Session } from './thread/session.ts'

/** A row of `messages`, but for the columns that only statements use. */
export interface MessageRow extends MessageFields {
  /** JSON of the `AttachmentInfo`s; null = it has none. */
  readonly attachments: string | null
  readonly solo: number
}

/** The columns of a `MessageRow`: each costs a microsecond to hand over, so no others are read. */
export const MESSAGE_COLUMNS = `key, id, seq, role, state, text, preface, reason, platform_id, person_id, person_name,
  attachments, at, answered_by, revision, group_id, solo, failures, leases, not_before, draft`

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

export function saveConversation(session: Session, row: ConversationRow): void {
  session.run(
    `UPDATE conversations SET address = ?, model = ?, next_seq = ?, history_from = ?, history_characters = ?, generation = ?,
       lease_turn = ?, lease_owner = ?, lease_at = ?, stopped_turn = ?, told_outage = ?, full_told_at = ?,
       last_at = ? WHERE key = ?`,
    row.address,
    row.model,
    row.next_seq,
    row.history_from,
    row.history_characters,
    row.generation,
    row.lease_turn,
    row.lease_owner,
    row.lease_at,
    row.stopped_turn,
    row.told_outage,
    row.full_told_at,
    row.last_at,
    row.key,
  )
}

export interface Inserted {
  readonly key: number
  readonly id: string
  readonly seq: number
}

/** Adds a message at the end of the conversation. The caller saves the conversation. */
export function insertMessage(
  session: Session,
  conversation: ConversationRow,
  message: NewMessage,
): Inserted {
  const id = newId(message.at)
  const seq = conversation.next_seq++
  conversation.last_at = Math.max(conversation.last_at, message.at)
  const infos = (message.attachments ?? []).map((attachment) => ({
    id: newId(message.at),
    mediaType: attachment.mediaType,
    name: attachment.name,
    size: attachment.bytes.byteLength,
  }))
  const result = session
    .sql(
      `INSERT INTO messages (id, conversation, seq, revision, role, state, text, preface, reason, origin,
         platform_id, person_id, person_name, addressed, command, attachments, at, history_seq, held_base)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    )
    .run(
      id,
      conversation.key,
      seq,
      session.nextRevision(),
      message.role,
      message.state,
      message.text,
      message.preface ?? null,
      message.reason ?? null,
      message.origin ?? null,
      message.platformId ?? null,
      message.personId ?? null,
      message.personName ?? null,
      message.addressed ? 1 : 0,
      message.command ? 1 : 0,
      infos.length > 0 ? JSON.stringify(infos) : null,
      message.at,
      message.inHistory ? seq : null,
      message.heldBase ?? null,
    )
  const key = Number(result.lastInsertRowid)
  for (const [index, info] of infos.entries()) {
    session.run(
      'INSERT INTO attachments (id, message, media_type, name, at, bytes) VALUES (?, ?, ?, ?, ?, ?)',
      info.id,
      key,
      info.mediaType,
      info.name,
      message.at,
      message.attachments![index]!.bytes,
    )
  }
  if (message.context) saveContext(session, key, message.context.value, message.context.whole)
  return { key, id, seq }
}

/** Puts a stored message into the outbox. False: the channel's readers read the store themselves. */
export function send(
  session: Session,
  conversation: ConversationRow,
  key: number,
  sending: Sending,
): boolean {
  if (session.pullChannels.has(conversation.channel)) return false
  session.run(
    `INSERT INTO outbox (message, conversation, kind, reply_to, draft, asked_at, at) VALUES (?, ?, ?, ?, ?, ?, ?)`,
    key,
    conversation.key,
    sending.kind,
    sending.replyTo,
    sending.draft ?? null,
    sending.askedAt ?? null,
    sending.at,
  )
  return true
}

/** Stores a sentence of the gateway's own and puts it into the outbox. */
export function notify(
  session: Session,
  conversation: ConversationRow,
  text: string,
  sending: Omit<Sending, 'kind' | 'askedAt'>,
): Inserted & { readonly outbox: boolean } {
  const notice = insertMessage(session, conversation, {
    role: 'notice',
    state: 'answered',
    text,
    at: sending.at,
  })
  return { ...notice, outbox: send(session, conversation, notice.key, { ...sending, kind: 'notice' }) }
}

export function storedMessage(row: MessageRow, conversationId: string): StoredMessage {
  const attachments = row.attachments === null ? [] : (JSON.parse(row.attachments) as AttachmentInfo[])
  return asStoredMessage(row, conversationId, attachments)
}

/** Outage time observed so far, in milliseconds: the clock by which what is held grows old. */
export function observedOutage(session: Session): number {
  return Number(session.get(`SELECT value FROM counters WHERE name = 'observed_outage_ms'`)?.['value'] ?? 0)
}
