import type { Outbox } from '../../../inbox/outbox.ts'
import { StoreError } from '../../../support/errors.ts'
import { Changes } from '../../policy/changes.ts'
import { pending, postpone, undelivered } from '../../records/outbox.ts'
import { OUTBOX_COLUMNS, outboxHead, type OutboxRow } from '../../rows/rows.ts'
import type { Database, Queryable } from '../connection/database.ts'
import { Gather } from '../connection/gather.ts'
import { clean } from '../connection/statements.ts'
import { lockConversation } from '../rows.ts'
import { bound } from '../run-steps.ts'
import { commit, type StoreContext } from './apply.ts'

/** What is to be sent. Only one process sends a conversation's items, so its rows need no lock. */
export function postgresOutbox(database: Database, context: StoreContext): Outbox {
  const heads = new Gather<string, Head | null>((ids) => readHeads(database, ids))
  const receipts = new Gather<Receipt, void>((some) => storeReceipts(database, some))
  return {
    enqueue: (item) =>
      database.transaction(async (tx) => {
        const conversation = await lockConversation(tx, clean(item.conversationId))
        if (!conversation) throw new StoreError(`there is no conversation ${item.conversationId}`)
        const changes = new Changes(context.pullChannels)
        changes.notify(conversation, item.text, { replyTo: item.replyTo, at: item.now })
        await commit(tx, context, changes)
      }),
    head: (conversationId) => heads.add(clean(conversationId)),
    receipt: (itemId, part, platformId, last) =>
      receipts.add({ item: clean(itemId), part, platformId: clean(platformId), last }),
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
          [[id], clean(undelivered(reason))],
        )
      }),
    ...bound(database, { postpone, pending }),
  }
}

type Head = ReturnType<typeof outboxHead>

/** The oldest items of conversations; null = nothing is to be sent there. */
async function readHeads(db: Queryable, ids: readonly string[]): Promise<ReadonlyArray<Head | null>> {
  const rows = await db.query<OutboxRow & { readonly receipts: readonly string[] | null }>(
    `SELECT ${OUTBOX_COLUMNS},
       (SELECT json_agg(r.platform_id ORDER BY r.part) FROM hermes.receipts r WHERE r.message = o.message) AS receipts
       FROM unnest($1::text[]) AS w (id) JOIN hermes.conversations c ON c.id = w.id
       JOIN LATERAL (SELECT * FROM hermes.outbox WHERE conversation = c.key ORDER BY message LIMIT 1) o ON true
       JOIN hermes.messages m ON m.key = o.message`,
    [ids],
  )
  const byId = new Map(rows.map((row) => [row.conversation_id, outboxHead(row, row.receipts ?? [])]))
  return ids.map((id) => byId.get(id) ?? null)
}

/** That a part was sent. */
interface Receipt {
  /** The id of the item's message. */
  readonly item: string
  readonly part: number
  readonly platformId: string
  /** Nothing follows: the item is over. */
  readonly last: boolean
}

/** A repeated receipt, or one after the end, changes nothing. */
async function storeReceipts(database: Database, receipts: readonly Receipt[]): Promise<readonly void[]> {
  const parts = [...new Map(receipts.map((receipt) => [`${receipt.item} ${receipt.part}`, receipt])).values()]
  const [over, more] = [parts.filter(({ last }) => last), parts.filter(({ last }) => !last)]
  await database.transaction(async (tx) => {
    await Promise.all([
      over.length > 0 && tx.query(`${REMOVE} SELECT 1`, [over.map(({ item }) => item)]),
      more.length > 0 &&
        tx.query(RECEIPT, [
          more.map(({ item }) => item),
          more.map(({ part }) => part),
          more.map(({ platformId }) => platformId),
        ]),
    ])
  })
  return receipts.map(() => {})
}

/** Items, named by their messages, and their receipts. */
const REMOVE = `
  WITH gone AS (
    DELETE FROM hermes.outbox WHERE message IN
      (SELECT m.key FROM unnest($1::text[]) AS w (id) JOIN hermes.messages m ON m.id = w.id) RETURNING message
  ), forgotten AS (
    DELETE FROM hermes.receipts WHERE message IN (SELECT message FROM gone)
  )`

/** After a sent part the next one may be sent at once. */
const RECEIPT = `
  WITH sent AS (
    SELECT m.key, w.part, w.platform_id FROM unnest($1::text[], $2::integer[], $3::text[]) AS w (id, part, platform_id)
      JOIN hermes.messages m ON m.id = w.id
  ), item AS (
    UPDATE hermes.outbox SET attempts = 0, not_before = 0 WHERE message IN (SELECT key FROM sent) RETURNING message
  )
  INSERT INTO hermes.receipts (message, part, platform_id)
    SELECT s.key, s.part, s.platform_id FROM sent s JOIN item i ON i.message = s.key
    ON CONFLICT (message, part) DO UPDATE SET platform_id = excluded.platform_id`
