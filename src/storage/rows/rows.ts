import type {
  AttachmentInfo,
  Conversation,
  MessageRole,
  MessageState,
  StoredMessage,
} from '../../inbox/message.ts'

/** A row of `conversations`, changed in memory and written once at the end of its operation. */
export interface ConversationRow {
  readonly key: number
  readonly id: string
  readonly channel: string
  address: string
  model: string | null
  effort: string | null
  next_seq: number
  history_from: number
  /** Of the history since `history_from`; never too few, too many where something was removed. */
  history_characters: number
  generation: number
  lease_turn: string | null
  lease_owner: string | null
  lease_at: number | null
  /** The turn that a command has stopped, and whose shown text may still be stored. */
  stopped_turn: string | null
  told_outage: string | null
  full_told_at: number | null
  last_at: number
}

/** The columns of a `ConversationRow` in a statement that calls the table `c`. */
export const CONVERSATION_COLUMNS = `c.key, c.id, c.channel, c.address, c.model, c.effort, c.next_seq, c.history_from,
  c.history_characters, c.generation, c.lease_turn, c.lease_owner, c.lease_at, c.stopped_turn, c.told_outage,
  c.full_told_at, c.last_at`

export function publicConversation(row: ConversationRow): Conversation {
  const { id, channel, address, model, effort } = row
  return { id, channel, address, model, effort }
}

/** The states that wait for an answer, written as the partial index has them, so that it is used. */
export const WAITING = `state IN ('received', 'answering', 'held')`

/** The key of a row that its database has not numbered yet: both count from 1. */
export const NOT_YET_STORED = 0

/** What is read of a message that is handed out or shown. */
export interface LeasedRow {
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
  /** JSON, or as the driver has parsed it; null = none. */
  readonly attachments: string | readonly AttachmentInfo[] | null
  readonly at: number
  readonly answered_by: string | null
  readonly revision: number
  readonly group_id: string | null
  /** SQLite has no booleans: 0 or 1. */
  readonly solo: boolean | number
  readonly failures: number
  readonly leases: number
  readonly not_before: number
  readonly draft: string | null
}

/** A row of `messages`, except the columns that only statements use. Changed in memory by `Changes` alone. */
export interface MessageRow extends LeasedRow {
  readonly addressed: boolean | number
  readonly history_seq: number | null
  readonly held_base: number | null
}

/** What is read of a message whose turn has ended. */
export type FinishedRow = Pick<
  MessageRow,
  'key' | 'state' | 'text' | 'platform_id' | 'at' | 'solo' | 'failures' | 'held_base' | 'draft'
>

/** The columns of each kind of row, in every database: each costs a microsecond to hand over. */
export const LEASED_COLUMNS = `key, id, seq, role, state, text, preface, reason, platform_id, person_id, person_name,
  attachments, at, answered_by, revision, group_id, solo, failures, leases, not_before, draft`
export const MESSAGE_COLUMNS = `${LEASED_COLUMNS}, addressed, history_seq, held_base`
export const FINISHED_COLUMNS = 'key, state, text, platform_id, at, solo, failures, held_base, draft'

export function storedMessage(row: LeasedRow, conversationId: string): StoredMessage {
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
    attachments: attachmentsOf(row),
    at: row.at,
    answeredBy: row.answered_by,
    revision: row.revision,
  }
}

function attachmentsOf({ attachments }: LeasedRow): readonly AttachmentInfo[] {
  if (typeof attachments === 'string') return JSON.parse(attachments) as readonly AttachmentInfo[]
  return attachments ?? []
}
