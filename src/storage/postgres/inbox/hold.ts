import type { ExpireRequest, HoldRequest } from '../../../inbox/inbox.ts'
import { Changes } from '../../policy/changes.ts'
import { decideExpiry, decideHold, decideRelease } from '../../policy/hold.ts'
import type { OperatorDecision } from '../../policy/operator.ts'
import { frozenWith } from '../../records/journal.ts'
import { heldFor } from '../../records/queue.ts'
import { MESSAGE_COLUMNS, WAITING, type MessageRow } from '../../rows/rows.ts'
import type { Database, Transaction } from '../connection/database.ts'
import { clean } from '../connection/statements.ts'
import { lockConversations, observedOutage, waitingRows, type ConversationRow } from '../rows.ts'
import { runSteps } from '../run-steps.ts'
import { commit, type StoreContext } from './apply.ts'

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
  request: HoldRequest,
  after: number,
): Promise<{ readonly told: readonly string[]; readonly last: number | null }> {
  const found = await tx.query<{ conversation: number }>(
    `SELECT DISTINCT conversation FROM hermes.messages
       WHERE ${WAITING} AND state <> 'answering' AND conversation > $1 ORDER BY conversation LIMIT $2`,
    [after, AT_ONCE],
  )
  const keys = found.map((row) => row.conversation)
  if (keys.length === 0) return { told: [], last: null }
  const [locked, waiting, observed] = await Promise.all([
    lockConversations(tx, keys),
    waitingRows(tx, keys),
    observedOutage(tx),
  ])
  const changes = new Changes(context.pullChannels)
  const told: string[] = []
  for (const conversation of locked) {
    const rows = waiting.get(conversation.key) ?? []
    if (decideHold(conversation, rows, request, observed, changes)) told.push(conversation.id)
  }
  await commit(tx, context, changes)
  return { told, last: keys.length < AT_ONCE ? null : keys.at(-1)! }
}

/** See `Inbox.releaseHeld`. */
export async function releaseHeld(
  database: Database,
  context: StoreContext,
  reason: string,
): Promise<readonly string[]> {
  const keys = await runSteps(database, heldFor(reason))
  const released: string[] = []
  for (let from = 0; from < keys.length; from += AT_ONCE) {
    const some = keys.slice(from, from + AT_ONCE)
    released.push(...(await database.transaction((tx) => releaseSome(tx, context, reason, some))))
  }
  return released
}

async function releaseSome(
  tx: Transaction,
  context: StoreContext,
  reason: string,
  keys: readonly number[],
): Promise<readonly string[]> {
  const [locked, waiting] = await Promise.all([lockConversations(tx, keys), waitingRows(tx, keys)])
  const changes = new Changes(context.pullChannels)
  for (const conversation of locked) {
    decideRelease(conversation, waiting.get(conversation.key) ?? [], reason, changes)
  }
  await commit(tx, context, changes)
  return locked.map(({ id }) => id)
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
  const rows = await tx.query<MessageRow & { readonly conversation: number }>(
    `SELECT ${MESSAGE_COLUMNS}, conversation FROM hermes.messages
       WHERE key = ANY ($1::bigint[]) AND state = 'held' ORDER BY key`,
    [old.map((row) => row.key)],
  )
  const changes = new Changes(context.pullChannels)
  const told: string[] = []
  const refused = new Set<number>()
  for (const row of rows) {
    const conversation = conversations.get(row.conversation)
    if (!conversation || refused.has(row.key)) continue
    const turn = row.frozen ? await runSteps(tx, frozenWith(conversation.key, row)) : [row]
    for (const { key } of turn) refused.add(key)
    if (decideExpiry(conversation, turn, notice(row.at), now, changes)) told.push(conversation.id)
  }
  await commit(tx, context, changes)
  return { told, found: old.length }
}

/** What an operator wants of a person's message. @returns its conversation; null: there is none in such a state */
export async function operate(
  tx: Transaction,
  context: StoreContext,
  messageId: string,
  decide: OperatorDecision,
): Promise<string | null> {
  const id = clean(messageId)
  const [place] = await tx.query<{ conversation: number }>(
    `SELECT conversation FROM hermes.messages WHERE id = $1 AND role = 'user'`,
    [id],
  )
  if (!place) return null
  const [[conversation], [row], waiting] = await Promise.all([
    lockConversations(tx, [place.conversation]),
    tx.query<MessageRow>(
      `SELECT ${MESSAGE_COLUMNS} FROM hermes.messages WHERE id = $1 AND conversation = $2`,
      [id, place.conversation],
    ),
    waitingRows(tx, [place.conversation]),
  ])
  const changes = new Changes(context.pullChannels)
  if (!conversation || !row) return null
  const related = row.frozen
    ? await runSteps(tx, frozenWith(conversation.key, row))
    : (waiting.get(conversation.key) ?? [])
  if (!decide(conversation, row, related, changes)) return null
  await commit(tx, context, changes)
  return conversation.id
}
