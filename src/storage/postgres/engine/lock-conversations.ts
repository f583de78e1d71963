import type { Queryable } from '../connection/database.ts'
import { CONVERSATION_COLUMNS, type ConversationRow } from '../rows.ts'

/** Conversations as steps name them. All texts must be clean. */
export interface Targets {
  readonly places: ReadonlyArray<{ readonly channel: string; readonly address: string }>
  readonly ids: readonly string[]
}

/** Which conversations were named, and which of them this transaction has locked. */
export interface LockedConversations {
  /** By their keys. */
  readonly rows: ReadonlyMap<number, ConversationRow>
  /** The key of the conversation at an address; null = there is none yet. */
  at(channel: string, address: string): number | null
  /** The key of a conversation; null = there is none. */
  withId(id: string): number | null
}

const WANTED = `
  SELECT a.conversation AS key FROM unnest($1::text[], $2::text[]) AS w (channel, address)
    JOIN hermes.addresses a ON a.channel = w.channel AND a.address = w.address WHERE a.conversation IS NOT NULL
  UNION
  SELECT c.key FROM unnest($3::text[]) AS w (id) JOIN hermes.conversations c ON c.id = w.id`

/** In the order of keys, as every transaction that locks several of them does. */
const LOCK = `SELECT ${CONVERSATION_COLUMNS} FROM (${WANTED}) w JOIN hermes.conversations c ON c.key = w.key
  ORDER BY c.key FOR UPDATE OF c`
const LOCK_FREE = `${LOCK} SKIP LOCKED`

/** For one row, when queueing: as long as a few transactions take, because one of two lanes stands still. */
const QUEUE_MS = 100
const QUEUE_BRIEFLY = `SET LOCAL lock_timeout = ${QUEUE_MS}`

const NAMED = `
  SELECT w.channel, w.address, NULL AS id, a.conversation AS key
    FROM unnest($1::text[], $2::text[]) AS w (channel, address)
    JOIN hermes.addresses a ON a.channel = w.channel AND a.address = w.address WHERE a.conversation IS NOT NULL
  UNION ALL
  SELECT NULL, NULL, c.id, c.key FROM unnest($3::text[]) AS w (id) JOIN hermes.conversations c ON c.id = w.id`

interface Named {
  readonly channel: string | null
  readonly address: string | null
  readonly id: string | null
  readonly key: number
}

/**
 * Locks the conversations, but not those that another transaction has locked: a stopped process must not hold up
 * the steps of the others, and who never waits for a lock takes part in no deadlock.
 *
 * @param queues true: waits for those, briefly @throws DatabaseError with the code of a lock timeout
 */
export async function lockConversations(
  tx: Queryable,
  { places, ids }: Targets,
  queues: boolean,
): Promise<LockedConversations> {
  const params = [places.map(({ channel }) => channel), places.map(({ address }) => address), ids]
  // Sent together, executed in order: a conversation that was folded into another one before its row was locked is
  // named by its new key, which is not locked.
  const [, locked, named] = await Promise.all([
    queues && tx.query(QUEUE_BRIEFLY),
    tx.query<ConversationRow>(queues ? LOCK : LOCK_FREE, params),
    tx.query<Named>(NAMED, params),
  ])
  const byPlace = new Map<string, number>()
  const byId = new Map<string, number>()
  for (const { channel, address, id, key } of named) {
    if (id === null) byPlace.set(placeKey(channel!, address!), key)
    else byId.set(id, key)
  }
  return {
    rows: new Map(locked.map((row) => [row.key, row])),
    at: (channel, address) => byPlace.get(placeKey(channel, address)) ?? null,
    withId: (id) => byId.get(id) ?? null,
  }
}

function placeKey(channel: string, address: string): string {
  return `${channel}\n${address}`
}
