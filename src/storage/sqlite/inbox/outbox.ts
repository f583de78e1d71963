import { StoreError } from '../../../support/errors.ts'
import { Changes } from '../../policy/changes.ts'
import { OUTBOX_COLUMNS, outboxHead, type OutboxRow } from '../../rows/rows.ts'
import { conversationById, apply } from '../rows.ts'
import type { Session } from '../thread/session.ts'

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

const HEAD = `SELECT ${OUTBOX_COLUMNS}, o.message FROM conversations c
  JOIN outbox o ON o.conversation = c.key JOIN messages m ON m.key = o.message
  WHERE c.id = ? ORDER BY o.message LIMIT 1`

/** See `Outbox.head`. */
export function head(session: Session, conversationId: string): ReturnType<typeof outboxHead> | null {
  const row = session.get(HEAD, conversationId)
  if (!row) return null
  const receipts = session.all(
    'SELECT platform_id FROM receipts WHERE message = ? ORDER BY part',
    row['message']!,
  )
  return outboxHead(
    row as unknown as OutboxRow,
    receipts.map((receipt) => String(receipt['platform_id'])),
  )
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

/** See `Outbox.abandon`. The message keeps the reason why it was not delivered. */
export function abandon(session: Session, itemId: string, reason: string): void {
  const key = itemKey(session, itemId)
  if (key === null) return
  remove(session, key)
  session.run(
    'UPDATE messages SET reason = ?, revision = ? WHERE key = ?',
    reason,
    session.nextRevision(),
    key,
  )
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
