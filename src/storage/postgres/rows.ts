import type { AttachmentInfo, StoredMessage } from '../../inbox/message.ts'
import type { ConversationRow as ConversationFields } from '../rows/conversation-row.ts'
import { asStoredMessage, WAITING, type MessageFields } from '../rows/message-row.ts'
import type { Queryable } from './connection/database.ts'

/** A row of `messages`, except the columns that only statements use. */
export interface MessageRow extends MessageFields {
  readonly attachments: readonly AttachmentInfo[] | null
  readonly history_seq: number | null
  readonly solo: boolean
  readonly held_base: number | null
}

/** The columns of a `MessageRow`. */
export const MESSAGE_COLUMNS = `key, id, seq, role, state, text, preface, reason, platform_id, person_id, person_name,
  attachments, at, answered_by, revision, history_seq, group_id, solo, failures, leases, not_before, held_base, draft`

/** A row of `conversations`, locked, changed in memory and written once by the unit of work. */
export interface ConversationRow extends ConversationFields {
  /** The job in the queue that is responsible for its work; null = there is none. */
  wake_job: string | null
}

/** The columns of a `ConversationRow` in a statement that calls the table `c`. */
export const CONVERSATION_COLUMNS = `c.key, c.id, c.channel, c.address, c.model, c.next_seq, c.history_from,
  c.history_characters, c.generation, c.lease_turn, c.lease_owner, c.lease_at, c.stopped_turn, c.told_outage,
  c.full_told_at, c.last_at, c.wake_job`

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

/** The messages of a conversation that wait or are being answered, oldest first. */
export function waitingRows(tx: Queryable, conversation: number): Promise<readonly MessageRow[]> {
  return tx.query<MessageRow>(
    `SELECT ${MESSAGE_COLUMNS} FROM hermes.messages WHERE conversation = $1 AND ${WAITING} ORDER BY seq`,
    [conversation],
  )
}

export function storedMessage(row: MessageRow, conversationId: string): StoredMessage {
  return asStoredMessage(row, conversationId, row.attachments ?? [])
}

/** Outage time observed so far, in milliseconds: held messages age by this clock. */
export async function observedOutage(tx: Queryable): Promise<number> {
  const [row] = await tx.query<{ value: number }>(
    `SELECT value FROM hermes.counters WHERE name = 'observed_outage_ms'`,
  )
  return row?.value ?? 0
}
