import type { ExpireRequest, HoldRequest } from '../../../inbox/inbox.ts'
import { TOO_OLD } from '../../../inbox/message.ts'
import { WAITING } from '../../rows/message-row.ts'
import type { Database, Transaction } from '../connection/database.ts'
import {
  lockConversations,
  MESSAGE_COLUMNS,
  observedOutage,
  type ConversationRow,
  type MessageRow,
} from '../rows.ts'
import { Work, type StoreContext } from './work.ts'

/** Conversations or messages of one transaction: it must end within milliseconds, for it holds their locks. */
const AT_ONCE = 200

/** See `Inbox.hold`. Messages being answered are not changed: their own turn finds out. */
export async function hold(
  database: Database,
  context: StoreContext,
  request: HoldRequest,
): Promise<readonly string[]> {
  const told: string[] = []
  for (let after = 0; ;) {
    const part = await database.transaction((tx) => holdSome(tx, context, request, after))
    told.push(...part.told)
    if (part.last === null) return told
    after = part.last
  }
}

/** The conversations with keys above `after`, some of them. */
async function holdSome(
  tx: Transaction,
  context: StoreContext,
  { outage, now }: HoldRequest,
  after: number,
): Promise<{ readonly told: readonly string[]; readonly last: number | null }> {
  const found = await tx.query<{ conversation: number }>(
    `SELECT DISTINCT conversation FROM hermes.messages
       WHERE ${WAITING} AND state <> 'answering' AND conversation > $1 ORDER BY conversation LIMIT $2`,
    [after, AT_ONCE],
  )
  const keys = found.map((row) => row.conversation)
  if (keys.length === 0) return { told: [], last: null }
  const locked = await lockConversations(tx, keys)
  const observed = await observedOutage(tx)
  await tx.query(
    `UPDATE hermes.messages SET state = 'held', reason = $2, held_base = coalesce(held_base, $3),
       revision = nextval('hermes.revision')
       WHERE conversation = ANY ($1::bigint[]) AND ${WAITING} AND state = 'received'`,
    [keys, outage.reason, observed],
  )
  const work = new Work(tx, context)
  const told: string[] = []
  for (const conversation of await welcoming(tx, locked, outage.notice === null ? [] : keys)) {
    if (conversation.told_outage === outage.id) continue
    conversation.told_outage = outage.id
    work.notify(conversation, outage.notice!, { replyTo: null, at: now })
    told.push(conversation.id)
  }
  await work.commit()
  return { told, last: keys.length < AT_ONCE ? null : keys.at(-1)! }
}

/** Those with a waiting message that was addressed to the bot. */
async function welcoming(
  tx: Transaction,
  conversations: readonly ConversationRow[],
  keys: readonly number[],
): Promise<readonly ConversationRow[]> {
  if (keys.length === 0) return []
  const rows = await tx.query<{ conversation: number }>(
    `SELECT DISTINCT conversation FROM hermes.messages
       WHERE conversation = ANY ($1::bigint[]) AND ${WAITING} AND addressed`,
    [keys],
  )
  const welcome = new Set(rows.map((row) => row.conversation))
  return conversations.filter(({ key }) => welcome.has(key))
}

/** See `Inbox.expire`. */
export async function expire(
  database: Database,
  context: StoreContext,
  request: ExpireRequest,
): Promise<readonly string[]> {
  // First the part that must happen exactly once; finding the expired messages can be repeated.
  const [counter] = await database.query<{ value: number }>(
    `UPDATE hermes.counters SET value = value + $1 WHERE name = 'observed_outage_ms' RETURNING value`,
    [Math.round(request.observed)],
  )
  const base = counter!.value - request.maxAge
  const told = new Set<string>()
  for (;;) {
    const part = await database.transaction((tx) => expireSome(tx, context, request, base))
    for (const id of part.told) told.add(id)
    if (part.found < AT_ONCE) break
  }
  context.waitingTotal.forget()
  return [...told]
}

async function expireSome(
  tx: Transaction,
  context: StoreContext,
  { now, notice }: ExpireRequest,
  base: number,
): Promise<{ readonly told: readonly string[]; readonly found: number }> {
  const old = await tx.query<{ key: number; conversation: number }>(
    `SELECT key, conversation FROM hermes.messages
       WHERE state <> 'answered' AND state = 'held' AND held_base <= $1 ORDER BY key LIMIT $2`,
    [base, AT_ONCE],
  )
  if (old.length === 0) return { told: [], found: 0 }
  const conversations = new Map<number, ConversationRow>()
  const keys = [...new Set(old.map((row) => row.conversation))]
  for (const row of await lockConversations(tx, keys)) conversations.set(row.key, row)
  const rows = await tx.query<MessageRow & { readonly conversation: number; readonly addressed: boolean }>(
    `SELECT ${MESSAGE_COLUMNS}, conversation, addressed FROM hermes.messages
       WHERE key = ANY ($1::bigint[]) AND state = 'held' ORDER BY key`,
    [old.map((row) => row.key)],
  )
  const work = new Work(tx, context)
  const told: string[] = []
  for (const row of rows) {
    const conversation = conversations.get(row.conversation)
    if (!conversation) continue
    let answeredBy: string | null = null
    if (row.addressed) {
      const sending = { replyTo: row.platform_id, at: now }
      answeredBy = work.notify(conversation, notice(row.at), sending).id
      told.push(conversation.id)
    }
    work.change(row, { state: 'refused', reason: TOO_OLD, answered_by: answeredBy, group_id: null })
  }
  await work.commit()
  return { told, found: old.length }
}
