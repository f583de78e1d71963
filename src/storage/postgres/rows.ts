import {
  CONVERSATION_COLUMNS as COLUMNS,
  type ConversationRow as ConversationFields,
  MESSAGE_COLUMNS,
  WAITING,
  type MessageRow,
} from '../rows/rows.ts'
import type { Queryable } from './connection/database.ts'

/** A row of `conversations`, locked, changed in memory and written once at the end. */
export interface ConversationRow extends ConversationFields {
  /** The job in the queue that is responsible for its work; null = there is none. */
  wake_job: string | null
}

/** The columns of a `ConversationRow` in a statement that calls the table `c`. */
export const CONVERSATION_COLUMNS = `${COLUMNS}, c.wake_job`

/** The conversation, locked until the transaction ends; null = there is none. */
export async function lockConversation(tx: Queryable, id: string): Promise<ConversationRow | null> {
  const [row] = await tx.query<ConversationRow>(
    `SELECT ${CONVERSATION_COLUMNS} FROM hermes.conversations c WHERE c.id = $1 FOR UPDATE`,
    [id],
  )
  return row ?? null
}

/** Several conversations, locked in the order that every transaction uses; missing ones are left out. */
export function lockConversations(
  tx: Queryable,
  keys: readonly number[],
): Promise<readonly ConversationRow[]> {
  return tx.query<ConversationRow>(
    `SELECT ${CONVERSATION_COLUMNS} FROM hermes.conversations c WHERE c.key = ANY ($1::bigint[])
       ORDER BY c.key FOR UPDATE`,
    [keys],
  )
}

/** The messages of conversations that wait or are being answered, oldest first, by the conversation's key. */
export async function waitingRows(
  tx: Queryable,
  conversations: readonly number[],
): Promise<ReadonlyMap<number, readonly MessageRow[]>> {
  if (conversations.length === 0) return new Map()
  const rows = await tx.query<MessageRow & { readonly conversation: number }>(
    `SELECT ${MESSAGE_COLUMNS}, conversation FROM hermes.messages
       WHERE conversation = ANY ($1::bigint[]) AND ${WAITING} ORDER BY conversation, seq`,
    [conversations],
  )
  return Map.groupBy(rows, ({ conversation }) => conversation)
}

/** Outage time observed so far, in milliseconds: held messages age by this clock. */
export async function observedOutage(tx: Queryable): Promise<number> {
  const [row] = await tx.query<{ value: number }>(
    `SELECT value FROM hermes.counters WHERE name = 'observed_outage_ms'`,
  )
  return row?.value ?? 0
}
