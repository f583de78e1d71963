import { readAbout, type MessageAbout } from '../../inbox/about.ts'
import type { MessageContext } from '../../inbox/arrival.ts'
import { withPreface } from '../../inbox/gate/gate.ts'
import type {
  Attachment,
  MessageRole,
  MessageState,
  AttachmentInfo,
  StoredMessage,
  Conversation,
} from '../../inbox/message.ts'
import type { OutboxItem } from '../../inbox/outbox.ts'

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
  /** A `MessageAbout` as JSON text in every database; null = none. */
  readonly about: string | null
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
  /** Steps of its turn are stored: the messages of its `group_id` are answered together until that ends. */
  readonly frozen: boolean | number
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
  | 'key'
  | 'seq'
  | 'state'
  | 'text'
  | 'platform_id'
  | 'at'
  | 'group_id'
  | 'solo'
  | 'failures'
  | 'leases'
  | 'held_base'
  | 'draft'
  | 'frozen'
>

/** The columns of each kind of row, in every database: each costs a microsecond to hand over. */
export const LEASED_COLUMNS = `key, id, seq, role, state, text, preface, reason, platform_id, person_id, person_name,
  attachments, about, at, answered_by, revision, group_id, solo, failures, leases, not_before, draft, frozen`
export const MESSAGE_COLUMNS = `${LEASED_COLUMNS}, addressed, history_seq, held_base`
export const FINISHED_COLUMNS =
  'key, seq, state, text, platform_id, at, group_id, solo, failures, leases, held_base, draft, frozen'

export function storedMessage(row: LeasedRow, conversationId: string): StoredMessage {
  return {
    id: row.id,
    conversationId,
    seq: row.seq,
    role: row.role,
    text: row.text,
    preface: row.preface,
    blocks: null,
    state: row.state,
    reason: row.reason,
    platformMessageId: row.platform_id,
    personId: row.person_id,
    personName: row.person_name,
    attachments: attachmentsOf(row),
    about: readAbout(row.about),
    at: row.at,
    answeredBy: row.answered_by,
    revision: row.revision,
  }
}

export function attachmentsOf({ attachments }: Pick<LeasedRow, 'attachments'>): readonly AttachmentInfo[] {
  if (typeof attachments === 'string') return JSON.parse(attachments) as readonly AttachmentInfo[]
  return attachments ?? []
}

/** Messages read first to find the cut; more only where the limit is far away. */
export const FIRST_READ = 128

/** The position of a message in the history, and its characters. */
export type Placed = readonly [place: number, length: number]

/**
 * The place of the oldest turn that still fits, whole, into `limit` characters, looking back over
 * messages that are given newest first; null = none does. A turn's place is that of its answer:
 * a message that arrived while an earlier one was being answered must not come between a question and its answer.
 *
 * @returns `cut` false: all that were given fit, and so may what is older
 */
export function oldestWithin(
  messages: readonly Placed[],
  limit: number,
): { readonly from: number | null; readonly cut: boolean } {
  let characters = 0
  let turn: number | null = null
  let complete: number | null = null
  for (const [place, length] of messages) {
    if (place !== turn) complete = turn
    turn = place
    characters += length
    if (characters > limit) return { from: complete, cut: true }
  }
  return { from: turn, cut: false }
}

/**
 * A message of the history as a database packs it: a quarter of the bytes of an object. The form of its
 * attachments depends on the database.
 */
export type PackedMessage<Attachments> = readonly [
  id: string,
  seq: number,
  role: StoredMessage['role'],
  text: string,
  preface: string | null,
  platformId: string | null,
  personId: string | null,
  personName: string | null,
  attachments: Attachments | null,
  about: string | null,
  at: number,
  answeredBy: string | null,
  revision: number,
  blocks: string | null,
]

/** What a database packed, as messages. */
export function unpackHistory<Attachments>(
  packed: ReadonlyArray<PackedMessage<Attachments>>,
  conversationId: string,
  readAttachments: (attachments: Attachments) => readonly AttachmentInfo[],
): readonly StoredMessage[] {
  return packed.map(
    ([
      id,
      seq,
      role,
      text,
      preface,
      platformId,
      personId,
      personName,
      attachments,
      about,
      at,
      answeredBy,
      revision,
      blocks,
    ]) => ({
      id,
      conversationId,
      seq,
      role,
      text,
      preface,
      blocks,
      state: 'answered',
      reason: null,
      platformMessageId: platformId,
      personId,
      personName,
      attachments: attachments === null ? [] : readAttachments(attachments),
      about: readAbout(about),
      at,
      answeredBy,
      revision,
    }),
  )
}

/** A new message without its position in the conversation. */
export interface NewMessage {
  readonly role: MessageRole
  readonly state: MessageState
  readonly text: string
  readonly at: number
  readonly preface?: string | null
  readonly blocks?: string | null
  readonly reason?: string | null
  readonly origin?: number
  readonly platformId?: string
  readonly personId?: string
  readonly personName?: string | null
  readonly addressed?: boolean
  readonly command?: boolean
  readonly attachments?: readonly Attachment[]
  /** Files of an earlier message, in place of `attachments`: they stay stored there. */
  readonly sharedFiles?: readonly AttachmentInfo[]
  readonly about?: MessageAbout | null
  /** It belongs to the history, at its own place. */
  readonly inHistory?: boolean
  readonly heldBase?: number | null
  /** It never shares an answer. */
  readonly alone?: boolean
  /** The pieces that it belongs to, and until when more of them are waited for. */
  readonly pieces?: { readonly group_id: string; readonly not_before: number } | null
  /** Its context; `whole` false keeps only the digest, which tells a repetition from another request. */
  readonly context?: { readonly value: MessageContext; readonly whole: boolean }
}

/** What is to be sent of a message that has just been stored. */
export interface Sending {
  readonly kind: 'answer' | 'notice'
  readonly replyTo: string | null
  readonly draft?: string | null
  readonly askedAt?: number | null
  readonly at: number
}

/** The oldest item of an outbox. How its row is read depends on the database. */
export interface OutboxRow {
  readonly id: string
  readonly conversation_id: string
  readonly channel: string
  readonly address: string
  readonly kind: OutboxItem['kind']
  readonly text: string
  readonly preface: string | null
  readonly reply_to: string | null
  readonly draft: string | null
  readonly asked_at: number | null
  readonly at: number
  readonly attempts: number
  readonly not_before: number
}

/** The columns of an `OutboxRow`, of the outbox `o`, its message `m` and its conversation `c`. */
export const OUTBOX_COLUMNS = `o.kind, o.reply_to, o.draft, o.asked_at, o.at, o.attempts, o.not_before, m.id, m.text,
  m.preface, c.id AS conversation_id, c.channel, c.address`

/** See `Outbox.head`. */
export function outboxHead(
  row: OutboxRow,
  receipts: readonly string[],
): { readonly item: OutboxItem; readonly notBefore: number } {
  const item = {
    id: row.id,
    conversationId: row.conversation_id,
    channel: row.channel,
    address: row.address,
    kind: row.kind,
    text: withPreface(row.preface, row.text),
    replyTo: row.reply_to,
    draft: row.draft,
    askedAt: row.asked_at,
    at: row.at,
    receipts,
    attempts: row.attempts,
  }
  return { item, notBefore: row.not_before }
}
