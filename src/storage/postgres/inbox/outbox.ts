import type { Outbox } from '../../../inbox/outbox.ts'
import { StoreError } from '../../../support/errors.ts'
import { Changes } from '../../policy/changes.ts'
import {
  OUTBOX_COLUMNS,
  outboxHead,
  pending,
  postpone,
  undelivered,
  type OutboxRow,
} from '../../records/outbox.ts'
import type { Database } from '../connection/database.ts'
import { clean } from '../connection/statements.ts'
import { lockConversation } from '../rows.ts'
import { bound } from '../run-steps.ts'
import { commit, type StoreContext } from './apply.ts'

/** What is to be sent. Only one process sends a conversation's items, so its rows need no lock. */
export function postgresOutbox(database: Database, context: StoreContext): Outbox {
  return {
    enqueue: (item) =>
      database.transaction(async (tx) => {
        const conversation = await lockConversation(tx, clean(item.conversationId))
        if (!conversation) throw new StoreError(`there is no conversation ${item.conversationId}`)
        const changes = new Changes(context.pullChannels)
        changes.notify(conversation, item.text, { replyTo: item.replyTo, at: item.now })
        await commit(tx, context, changes)
      }),
    async head(conversationId) {
      const [row] = await database.query<OutboxRow & { readonly receipts: readonly string[] | null }>(
        `SELECT ${OUTBOX_COLUMNS},
           (SELECT json_agg(r.platform_id ORDER BY r.part) FROM hermes.receipts r WHERE r.message = o.message) AS receipts
           FROM hermes.conversations c
           JOIN LATERAL (SELECT * FROM hermes.outbox WHERE conversation = c.key ORDER BY message LIMIT 1) o ON true
           JOIN hermes.messages m ON m.key = o.message WHERE c.id = $1`,
        [clean(conversationId)],
      )
      return row ? outboxHead(row, row.receipts ?? []) : null
    },
    async receipt(itemId, part, platformId, last) {
      // A repeated receipt, or one after the end, changes nothing.
      if (last) await database.query(`${REMOVE} SELECT 1`, [clean(itemId)])
      else await database.query(RECEIPT, [clean(itemId), part, clean(platformId)])
    },
    abandon: (itemId, reason) =>
      database.transaction(async (tx) => {
        const id = clean(itemId)
        // The message keeps the reason why it was not delivered.
        await tx.query(
          `SELECT 1 FROM hermes.conversations WHERE key = (SELECT conversation FROM hermes.messages WHERE id = $1) FOR UPDATE`,
          [id],
        )
        await tx.last(
          `${REMOVE} UPDATE hermes.messages SET reason = $2, revision = nextval('hermes.revision')
             WHERE key IN (SELECT message FROM gone)`,
          [id, clean(undelivered(reason))],
        )
      }),
    ...bound(database, { postpone, pending }),
  }
}

/** The item, named by its message, and its receipts. */
const REMOVE = `
  WITH gone AS (
    DELETE FROM hermes.outbox WHERE message = (SELECT key FROM hermes.messages WHERE id = $1) RETURNING message
  ), forgotten AS (
    DELETE FROM hermes.receipts WHERE message IN (SELECT message FROM gone)
  )`

/** After a sent part the next one may be sent at once. */
const RECEIPT = `
  WITH item AS (
    UPDATE hermes.outbox SET attempts = 0, not_before = 0
      WHERE message = (SELECT key FROM hermes.messages WHERE id = $1) RETURNING message
  )
  INSERT INTO hermes.receipts (message, part, platform_id) SELECT message, $2, $3 FROM item
    ON CONFLICT (message, part) DO UPDATE SET platform_id = excluded.platform_id`
