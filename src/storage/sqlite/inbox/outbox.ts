import { withPreface } from '../../../inbox/gate/hold-policy.ts'
import type { OutboxItem } from '../../../inbox/outbox.ts'
import { StoreError } from '../../../support/errors.ts'
import { Changes } from '../../policy/changes.ts'
import { conversationById } from '../rows.ts'
import type { Row, Session } from '../thread/session.ts'
import { apply } from './apply.ts'

/** See `Outbox.enqueue`. */
export function enqueue(
  session: Session,
  item: {
    readonly conversationId: string
    readonly text: string
    readonly replyTo: string | null
    readonly now: number
  },
): void {
  const conversation = conversationById(session, item.conversationId)
  if (!conversation) throw new StoreError(`there is no conversation ${item.conversationId}`)
  const changes = new Changes(session.pullChannels)
  changes.notify(conversation, item.text, { replyTo: item.replyTo, at: item.now })
  apply(session, changes)
}

/** See `Outbox.head`. */
export function head(
  session: Session,
  conversationId: string,
): { readonly item: OutboxItem; readonly notBefore: number } | null {
  const row = session.get(
    `SELECT o.*, m.id, m.text, m.preface, c.id AS conversation_id, c.channel, c.address FROM conversations c
       JOIN outbox o ON o.conversation = c.key JOIN messages m ON m.key = o.message
       WHERE c.id = ? ORDER BY o.message LIMIT 1`,
    conversationId,
  )
  if (!row) return null
  const receipts = session.all(
    'SELECT platform_id FROM receipts WHERE message = ? ORDER BY part',
    row['message']!,
  )
  return { item: outboxItem(row, receipts), notBefore: Number(row['not_before']) }
}

function outboxItem(row: Row, receipts: readonly Row[]): OutboxItem {
  return {
    id: String(row['id']),
    conversationId: String(row['conversation_id']),
    channel: String(row['channel']),
    address: String(row['address']),
    kind: row['kind'] as OutboxItem['kind'],
    text: withPreface(textOrNull(row['preface']), String(row['text'])),
    replyTo: textOrNull(row['reply_to']),
    draft: textOrNull(row['draft']),
    askedAt: row['asked_at'] === null ? null : Number(row['asked_at']),
    at: Number(row['at']),
    receipts: receipts.map((receipt) => String(receipt['platform_id'])),
    attempts: Number(row['attempts']),
  }
}

function textOrNull(value: unknown): string | null {
  return value === null || value === undefined ? null : String(value)
}

/** See `Outbox.receipt`. A repeated receipt, or one after the end, changes nothing. */
export function receipt(
  session: Session,
  itemId: string,
  part: number,
  platformId: string,
  last: boolean,
): void {
  const key = itemKey(session, itemId)
  if (key === null) return
  if (last) return remove(session, key)
  session.run(
    `INSERT INTO receipts (message, part, platform_id) VALUES (?, ?, ?)
       ON CONFLICT DO UPDATE SET platform_id = excluded.platform_id`,
    key,
    part,
    platformId,
  )
  session.run('UPDATE outbox SET attempts = 0, not_before = 0 WHERE message = ?', key)
}

/** See `Outbox.postpone`. */
export function postpone(session: Session, itemId: string, notBefore: number): void {
  const key = itemKey(session, itemId)
  if (key === null) return
  session.run('UPDATE outbox SET attempts = attempts + 1, not_before = ? WHERE message = ?', notBefore, key)
}

/** See `Outbox.abandon`. The message keeps the reason why it was not delivered. */
export function abandon(session: Session, itemId: string, reason: string): void {
  const key = itemKey(session, itemId)
  if (key === null) return
  remove(session, key)
  session.run(
    'UPDATE messages SET reason = ?, revision = ? WHERE key = ?',
    `not delivered: ${reason}`,
    session.nextRevision(),
    key,
  )
}

/** See `Outbox.pending`. */
export function pending(
  session: Session,
): ReadonlyArray<{ readonly conversationId: string; readonly notBefore: number }> {
  return session
    .all(
      `SELECT c.id, o.not_before FROM (SELECT conversation, min(message) AS message FROM outbox GROUP BY conversation) h
         JOIN outbox o ON o.message = h.message JOIN conversations c ON c.key = h.conversation
         ORDER BY o.message`,
    )
    .map((row) => ({ conversationId: String(row['id']), notBefore: Number(row['not_before']) }))
}

/** An item has the id of its message. */
function itemKey(session: Session, itemId: string): number | null {
  const row = session.get(
    'SELECT o.message FROM messages m JOIN outbox o ON o.message = m.key WHERE m.id = ?',
    itemId,
  )
  return row ? Number(row['message']) : null
}

function remove(session: Session, key: number): void {
  session.run('DELETE FROM receipts WHERE message = ?', key)
  session.run('DELETE FROM outbox WHERE message = ?', key)
}
