import type { Arrival } from '../../../inbox/arrival.ts'
import { clean } from '../connection/statements.ts'
import { MESSAGE_COLUMNS, type ConversationRow, type MessageRow } from '../rows.ts'
import type { AddressLocks } from './address-locks.ts'
import { endLease } from './withdraw.ts'
import type { Work } from './work.ts'

/**
 * The platform gave a chat another address. The conversation keeps its id and continues there; one that
 * already exists at the new address is folded into it. Idempotent.
 *
 * @returns the surviving conversation; null when the old address is unknown
 */
export async function moveAddress(
  work: Work,
  addresses: AddressLocks,
  { channel, from, to }: Extract<Arrival, { kind: 'moved' }>,
): Promise<ConversationRow | null> {
  const conversation = addresses.find(channel, from)?.conversation
  if (!conversation) return null
  await work.flush()
  const target = addresses.find(channel, to)
  if (target?.conversation && target.conversation.key !== conversation.key) {
    const newer = target.conversation
    await fold(work, conversation, newer)
    addresses.replace(newer, conversation)
  }
  await work.tx.query(
    `INSERT INTO hermes.addresses (channel, address, conversation) VALUES ($1, $2, $3)
       ON CONFLICT (channel, address) DO UPDATE SET conversation = excluded.conversation`,
    [clean(channel), clean(to), conversation.key],
  )
  conversation.address = clean(to)
  work.save(conversation)
  return conversation
}

/** Appends the newer conversation to the older one, in its own order, and removes it. */
async function fold(work: Work, older: ConversationRow, newer: ConversationRow): Promise<void> {
  await endLease(work, newer, 'received')
  await work.flush()
  const shift = older.next_seq - 1
  const { tx } = work
  const moved = await tx.query<MessageRow>(
    `UPDATE hermes.messages SET conversation = $1, seq = seq + $3, history_seq = history_seq + $3,
       revision = nextval('hermes.revision') WHERE conversation = $2 RETURNING ${MESSAGE_COLUMNS}`,
    [older.key, newer.key, shift],
  )
  older.next_seq = shift + newer.next_seq
  older.last_at = Math.max(older.last_at, newer.last_at)
  older.history_characters += newer.history_characters
  older.model = newer.model ?? older.model
  if (newer.history_from > 0) older.history_from = newer.history_from + shift
  const keys = [older.key, newer.key]
  for (const table of ['turns', 'outbox', 'addresses']) {
    await tx.query(`UPDATE hermes.${table} SET conversation = $1 WHERE conversation = $2`, keys)
  }
  await tx.query(
    `INSERT INTO hermes.participants (conversation, person_id)
       SELECT $1, person_id FROM hermes.participants WHERE conversation = $2 ON CONFLICT DO NOTHING`,
    keys,
  )
  for (const table of ['participants', 'summaries']) {
    await tx.query(`DELETE FROM hermes.${table} WHERE conversation = $1`, [newer.key])
  }
  await tx.query('DELETE FROM hermes.conversations WHERE key = $1', [newer.key])
  work.gone(newer)
  if (moved.some((row) => row.state === 'received')) work.wake(older)
}
