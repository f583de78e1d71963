import type {
  AttachmentInfo,
  Conversation,
  MessageRole,
  MessageState,
  StoredMessage,
} from '../../inbox/inbox.ts'
import type { Queryable } from './database.ts'

/** The states that wait for an answer, written as the partial index has them, so that it is used. */
export const WAITING = `state IN ('received', 'answering', 'held')`

/** A row of `messages`, but for the columns that only statements use. */
export interface MessageRow {
  readonly key: number
  readonly id: string
  readonly seq: number
  readonly role: MessageRole
  readonly state: MessageState
  readonly text: string
  readonly preface: string | null
  readonly reason: string | null
  readonly platform_id: string | null
  readonly person_id: string | null
  readonly person_name: string | null
  readonly attachments: readonly AttachmentInfo[] | null
  readonly at: number
  readonly answered_by: string | null
  readonly revision: number
  readonly history_seq: number | null
  readonly group_id: string | null
  readonly solo: boolean
  readonly failures: number
  readonly leases: number
  readonly not_before: number
  readonly held_base: number | null
  readonly draft: string | null
}

/** The columns of a `MessageRow`. */
export const MESSAGE_COLUMNS = `key, id, seq, role, state, text, preface, reason, platform_id, person_id, person_name,
  attachments, at, answered_by, revision, history_seq, group_id, solo, failures, leases, not_before, held_base, draft`

/** A row of `conversations`, locked, changed in memory and written once by the unit of work. */
export interface ConversationRow {
  readonly key: number
  readonly id: string
  readonly channel: string
  address: string
  model: string | null
  next_seq: number
  history_from: number
  /** Of the history since `history_from`; never too few, too many where something was removed. */
  history_characters: number
  generation: number
  lease_turn: string | null
  lease_owner: string | null
  lease_at: number | null
  /** The turn that a command has stopped, and whose shown text may still be told. */
  stopped_turn: string | null
  told_outage: string | null
  full_told_at: number | null
  last_at: number
}

/** The columns of a `ConversationRow` in a statement that calls the table `c`. */
export const CONVERSATION_COLUMNS = `c.key, c.id, c.channel, c.address, c.model, c.next_seq, c.history_from,
  c.history_characters, c.generation, c.lease_turn, c.lease_owner, c.lease_at, c.stopped_turn, c.told_outage,
  c.full_told_at, c.last_at`

/** The conversation, locked until the transaction ends; null = there is none. */
export async function lockConversation(tx: Queryable, id: string): Promise<ConversationRow | null> {
  const [row] = await tx.query<ConversationRow>(
    `SELECT ${CONVERSATION_COLUMNS} FROM hermes.conversations c WHERE c.id = $1 FOR UPDATE`,
    [id],
  )
  return row ?? null
}

/** Several, locked in the one order in which everybody locks them; those that are gone are left out. */
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

/** What waits in a conversation or is being answered, oldest first. */
export function waitingRows(tx: Queryable, conversation: number): Promise<readonly MessageRow[]> {
  return tx.query<MessageRow>(
    `SELECT ${MESSAGE_COLUMNS} FROM hermes.messages WHERE conversation = $1 AND ${WAITING} ORDER BY seq`,
    [conversation],
  )
}

export function storedMessage(row: MessageRow, conversationId: string): StoredMessage {
  return {
    id: row.id,
    conversationId,
    seq: row.seq,
    role: row.role,
    text: row.text,
    preface: row.preface,
    state: row.state,
    reason: row.reason,
    platformMessageId: row.platform_id,
    personId: row.person_id,
    personName: row.person_name,
    attachments: row.attachments ?? [],
    at: row.at,
    answeredBy: row.answered_by,
    revision: row.revision,
  }
}

export function publicConversation(row: ConversationRow): Conversation {
  return { id: row.id, channel: row.channel, address: row.address, model: row.model }
}

/** Outage time observed so far, in milliseconds: the clock by which what is held grows old. */
export async function observedOutage(tx: Queryable): Promise<number> {
  const [row] = await tx.query<{ value: number }>(
    `SELECT value FROM hermes.counters WHERE name = 'observed_outage_ms'`,
  )
  return row?.value ?? 0
}
