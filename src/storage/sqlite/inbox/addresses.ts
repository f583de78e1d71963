import type { ConversationRow } from '../../rows/conversation-row.ts'
import { conversationByKey, saveConversation } from '../rows.ts'
import type { Session } from '../thread/session.ts'
import { endLease } from './withdraw.ts'

/** An address of a platform at which messages arrive. */
export interface AddressRow {
  readonly key: number
  readonly conversation: number | null
}

export function findAddress(session: Session, channel: string, address: string): AddressRow | null {
  const row = session.get(
    'SELECT key, conversation FROM addresses WHERE channel = ? AND address = ?',
    channel,
    address,
  )
  return row ? (row as unknown as AddressRow) : null
}

/** Finds the address, or stores it. It need not have a conversation. */
export function addressFor(session: Session, channel: string, address: string): AddressRow {
  const known = findAddress(session, channel, address)
  if (known) return known
  const result = session.sql('INSERT INTO addresses (channel, address) VALUES (?, ?)').run(channel, address)
  return { key: Number(result.lastInsertRowid), conversation: null }
}

/** The conversation at an address, created if there is none. */
export function conversationAt(
  session: Session,
  channel: string,
  address: string,
  now: number,
): { readonly origin: number; readonly conversation: ConversationRow } {
  const found = addressFor(session, channel, address)
  if (found.conversation !== null) {
    return { origin: found.key, conversation: conversationByKey(session, found.conversation) }
  }
  const result = session
    .sql('INSERT INTO conversations (id, channel, address, last_at) VALUES (?, ?, ?, ?)')
    .run(`${channel}:${address}`, channel, address, now)
  const key = Number(result.lastInsertRowid)
  session.run('UPDATE addresses SET conversation = ? WHERE key = ?', key, found.key)
  return { origin: found.key, conversation: conversationByKey(session, key) }
}

/**
 * The platform gave a chat another address. The conversation keeps its id and continues there; one that
 * already exists at the new address is folded into it. Idempotent.
 *
 * @returns the surviving conversation; null when the old address is unknown
 */
export function moveAddress(
  session: Session,
  channel: string,
  from: string,
  to: string,
): ConversationRow | null {
  const old = findAddress(session, channel, from)
  if (!old || old.conversation === null) return null
  const conversation = conversationByKey(session, old.conversation)
  const target = addressFor(session, channel, to)
  if (target.conversation !== null && target.conversation !== conversation.key) {
    fold(session, conversation, conversationByKey(session, target.conversation))
  }
  session.run('UPDATE addresses SET conversation = ? WHERE key = ?', conversation.key, target.key)
  conversation.address = to
  saveConversation(session, conversation)
  return conversation
}

/** Appends the newer conversation to the older one, in its own order, and removes it. */
function fold(session: Session, older: ConversationRow, newer: ConversationRow): void {
  endLease(session, newer, 'received')
  const shift = older.next_seq - 1
  const rows = session.all('SELECT key FROM messages WHERE conversation = ? ORDER BY seq', newer.key)
  for (const row of rows) {
    session.run(
      `UPDATE messages SET conversation = ?, seq = seq + ?, history_seq = history_seq + ?, revision = ?
       WHERE key = ?`,
      older.key,
      shift,
      shift,
      session.nextRevision(),
      row['key']!,
    )
  }
  older.next_seq = shift + newer.next_seq
  older.last_at = Math.max(older.last_at, newer.last_at)
  older.history_characters += newer.history_characters
  older.model = newer.model ?? older.model
  if (newer.history_from > 0) older.history_from = newer.history_from + shift
  for (const table of ['turns', 'outbox', 'addresses']) {
    session.run(`UPDATE ${table} SET conversation = ? WHERE conversation = ?`, older.key, newer.key)
  }
  session.run(
    'UPDATE OR IGNORE participants SET conversation = ? WHERE conversation = ?',
    older.key,
    newer.key,
  )
  session.run('DELETE FROM participants WHERE conversation = ?', newer.key)
  session.run('DELETE FROM summaries WHERE conversation = ?', newer.key)
  session.run('DELETE FROM conversations WHERE key = ?', newer.key)
}
