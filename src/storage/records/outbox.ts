import { redact } from '../../support/text/redact.ts'
import { query, type Steps } from './steps.ts'

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
