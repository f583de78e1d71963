import { withPreface } from '../../inbox/gate/hold-policy.ts'
import type { OutboxItem } from '../../inbox/outbox.ts'
import { redact } from '../../support/text/redact.ts'
import { query, type Steps } from './steps.ts'

/** The oldest item of an outbox. How its row is read depends on the database. */
export interface OutboxRow {
  readonly id: string
  readonly conversation_id: string
  readonly channel: string
  readonly address: string
  readonly kind: OutboxItem['kind']
  readonly text: string
  readonly preface: string | null
  readonly reply_to: string | null
  readonly draft: string | null
  readonly asked_at: number | null
  readonly at: number
  readonly attempts: number
  readonly not_before: number
}

/** The columns of an `OutboxRow`, of the outbox `o`, its message `m` and its conversation `c`. */
export const OUTBOX_COLUMNS = `o.kind, o.reply_to, o.draft, o.asked_at, o.at, o.attempts, o.not_before, m.id, m.text,
  m.preface, c.id AS conversation_id, c.channel, c.address`

/** See `Outbox.head`. */
export function outboxHead(
  row: OutboxRow,
  receipts: readonly string[],
): { readonly item: OutboxItem; readonly notBefore: number } {
  const item = {
    id: row.id,
    conversationId: row.conversation_id,
    channel: row.channel,
    address: row.address,
    kind: row.kind,
    text: withPreface(row.preface, row.text),
    replyTo: row.reply_to,
    draft: row.draft,
    askedAt: row.asked_at,
    at: row.at,
    receipts,
    attempts: row.attempts,
  }
  return { item, notBefore: row.not_before }
}

/** The reason that a message keeps which was never delivered. */
export function undelivered(reason: string): string {
  return `not delivered: ${redact(reason)}`
}

/** See `Outbox.postpone`. */
export function* postpone(itemId: string, notBefore: number): Steps<void> {
  yield* query(
    `UPDATE hermes.outbox SET attempts = attempts + 1, not_before = $2
       WHERE message = (SELECT key FROM hermes.messages WHERE id = $1)`,
    [itemId, Math.round(notBefore)],
  )
}

/** See `Outbox.pending`. */
export function* pending() {
  const rows = yield* query<{ id: string; not_before: number }>(
    `SELECT c.id, o.not_before
       FROM (SELECT conversation, min(message) AS message FROM hermes.outbox GROUP BY conversation) h
       JOIN hermes.outbox o ON o.message = h.message JOIN hermes.conversations c ON c.key = h.conversation
       ORDER BY o.message`,
  )
  return rows.map((row) => ({ conversationId: row.id, notBefore: row.not_before }))
}
