/**
 * The durable inbox and outbox, as the core needs them. A storage implements these
 * interfaces; one contract suite runs against every storage.
 *
 * Times are epoch milliseconds and are always given by the caller: a storage never
 * reads the clock. Every method that changes something resolves only after its
 * commit is durable, and changes everything or nothing.
 *
 * A storage is told at its construction which channels pull: they read answers and
 * notices from the store themselves, so nothing is put into the outbox for them.
 */

import type { MessageContext } from './message-context.ts'

/** As `GET /api/conversations/:id/messages` prints them. */
export type MessageState = 'received' | 'answering' | 'held' | 'answered' | 'refused' | 'withdrawn' | 'parked'

export type MessageRole = 'user' | 'assistant' | 'notice'

/** `<channel>:<address at first sight>`; never changes, even when the platform moves the chat. */
export type ConversationId = string

export interface Attachment {
  readonly mediaType: string
  readonly name: string
  readonly bytes: Uint8Array
}

/** A message as a channel hands it over, access already granted. */
export interface IncomingMessage {
  readonly channel: string
  /** Where answers go, in the channel's own notation (chat, or chat and thread). */
  readonly address: string
  /** Unique within the address; a second delivery of the same id is the same message. */
  readonly platformMessageId: string
  readonly personId: string
  readonly personName: string | null
  readonly text: string
  readonly attachments: readonly Attachment[]
  /** Is a notice welcome? False in groups where the bot was not addressed. */
  readonly addressed: boolean
  /** The sender keeps the conversation itself: this stands for the history, and the message is answered alone. */
  readonly context?: MessageContext
}

export interface StoredMessage {
  readonly id: string
  readonly conversationId: ConversationId
  /** Order within the conversation, over all roles. */
  readonly seq: number
  readonly role: MessageRole
  readonly text: string
  /** What the reader sees before the text and the model does not, such as `(to your message of 2 h ago)`. */
  readonly preface: string | null
  readonly state: MessageState
  /** Why it is held, refused or parked; one word or sentence without any provider text. */
  readonly reason: string | null
  readonly platformMessageId: string | null
  readonly personId: string | null
  readonly personName: string | null
  readonly attachments: readonly AttachmentInfo[]
  /** When it was accepted. */
  readonly at: number
  /** The id of the answer, once there is one. */
  readonly answeredBy: string | null
  /** Moves with every change of this row; ascending over the whole store. The id of its SSE event. */
  readonly revision: number
}

export interface AttachmentInfo {
  readonly id: string
  readonly mediaType: string
  readonly name: string
  readonly size: number
}

/** An outage during which messages are held, as far as the inbox must know it. */
export interface Outage {
  /** The same through one outage; a conversation is told once per id. */
  readonly id: string
  readonly reason: string
  /** The notice for a conversation whose message has to wait; null while the wait is short enough to say nothing. */
  readonly notice: string | null
}

export interface HoldLimits {
  readonly maxPerConversation: number
  readonly maxTotal: number
}

/** One thing that a platform delivered. */
export type Arrival =
  | { readonly kind: 'message'; readonly message: IncomingMessage }
  /** Obeyed at once, beside the queue; only the fact, the effect and the reply are stored. */
  | {
      readonly kind: 'command'
      readonly message: IncomingMessage
      readonly effect: CommandEffect | null
      readonly reply: string
    }
  /** Changes the text of a message that nobody has begun to answer; otherwise changes nothing. */
  | {
      readonly kind: 'edit'
      readonly channel: string
      readonly address: string
      readonly platformMessageId: string
      readonly text: string
    }
  /** Withdraws a message that nobody has begun to answer; otherwise changes nothing. */
  | {
      readonly kind: 'deletion'
      readonly channel: string
      readonly address: string
      readonly platformMessageId: string
    }
  /**
   * Something that must not enter the inbox (a stranger, a pasted secret, a sticker):
   * only its id is remembered, so that a second delivery is not answered again.
   */
  | {
      readonly kind: 'turned-away'
      readonly channel: string
      readonly address: string
      readonly platformMessageId: string
      /** null: say nothing. */
      readonly reply: string | null
    }
  /** The platform gave the chat another address; the conversation goes on there. */
  | { readonly kind: 'moved'; readonly channel: string; readonly from: string; readonly to: string }

export type CommandEffect =
  /** A fresh history begins after this command; what waits is withdrawn, what is being answered is stopped. */
  | { readonly kind: 'new' }
  /** What waits is withdrawn, what is being answered is stopped. */
  | { readonly kind: 'stop' }
  | { readonly kind: 'model'; readonly model: string | null }

/** A position in a platform's stream, stored in the same transaction as what came before it. */
export interface Cursor {
  readonly channel: string
  readonly name: string
  readonly value: string
}

export interface AcceptRequest {
  readonly arrivals: readonly Arrival[]
  readonly cursors: readonly Cursor[]
  readonly now: number
  /** Set while messages cannot be answered: what arrives is held, within the limits, and told once. */
  readonly outage: Outage | null
  readonly limits: HoldLimits
  /** The sentence for a message that finds the hold full; the row is stored as `refused`. */
  readonly holdFullNotice: string
  /**
   * The right to the platform's connection under which this was received, where several processes
   * share a store: when another process holds it meanwhile, nothing is stored.
   */
  readonly fence?: Fence | null
}

/** A right that moves between processes: each holder of `name` has a higher number than the one before. */
export interface Fence {
  readonly name: string
  readonly fence: number
}

/** What became of each arrival, in the same order. */
export interface Accepted {
  readonly conversationId: ConversationId | null
  /** The message's id; null where nothing was stored. */
  readonly messageId: string | null
  readonly state: MessageState | null
  /** It had been delivered before; `messageId` and `state` are the first one's. */
  readonly duplicate: boolean
  /** `refused` because the hold is full. */
  readonly holdFull: boolean
  /** Something is in the conversation's outbox now. */
  readonly outbox: boolean
  /** Waiting messages that a command withdrew. */
  readonly withdrawn: number
  /** A duplicate by its id whose context has another digest: not the same message at all. */
  readonly conflict?: boolean
}

/** The exclusive right to answer the oldest message(s) of one conversation. */
export interface Lease {
  readonly turnId: string
  /** Fencing: a result is taken only while this is the newest lease of the conversation. */
  readonly generation: number
  readonly conversation: Conversation
  /** One message, or several of one person that were held together; oldest first. */
  readonly messages: readonly StoredMessage[]
  /** What was said before, since the last `/new`, oldest first, answered turns only; cut at `historyLimit` characters. */
  readonly history: readonly StoredMessage[]
  /** History older than `history` exists, and this is what is known of it. */
  readonly summary: string | null
  /** Failures of handling so far (outages do not count). */
  readonly failures: number
  /** The platform's id of a draft that an earlier try has shown. */
  readonly draft: string | null
  /** What the message brought along; absent for most. */
  readonly context?: MessageContext
}

export interface Conversation {
  readonly id: ConversationId
  readonly channel: string
  readonly address: string
  /** The model chosen by `/model`; null = the configured one. */
  readonly model: string | null
}

export interface Usage {
  readonly inputTokens: number
  readonly outputTokens: number
  readonly cacheReadTokens: number
  readonly cacheWriteTokens: number
}

/** How a turn ended. */
export type TurnOutcome =
  | {
      readonly kind: 'answered'
      readonly text: string
      /** See `StoredMessage.preface`. */
      readonly preface: string | null
      readonly model: string
      readonly usage: Usage
      /** The model's share of the time, in milliseconds. */
      readonly modelMs: number
      /** Replaces the conversation's summary of what `history` no longer holds; undefined = unchanged. */
      readonly summary?: string
      /** The `seq` of the last answer that `summary` covers; `history` begins after it from now on. */
      readonly summaryUpTo?: number
      /** Why the answer ends before its end; becomes the answer's own `reason`. */
      readonly reason?: string
    }
  /** The person reads `notice`; the message leaves the history. */
  | { readonly kind: 'refused'; readonly reason: string; readonly notice: string }
  /** Back to the queue because of an outage: does not count as a failure. */
  | { readonly kind: 'held'; readonly outage: Outage }
  /** Back to the queue at once: shutdown, or the split of merged messages. */
  | { readonly kind: 'returned'; readonly split?: boolean }
  /** Handling threw: counted; `retryAt` is when it may be tried again. */
  | { readonly kind: 'failed'; readonly reason: string; readonly retryAt: number }
  /** Waits for the operator; the next messages go on. */
  | { readonly kind: 'parked'; readonly reason: string; readonly notice: string }
  /** Stopped by the person; `text` is what had been shown. */
  | { readonly kind: 'stopped'; readonly text: string }

export interface LeaseRequest {
  readonly conversationId: ConversationId
  readonly owner: string
  readonly now: number
  /** Characters of history to hand over, at most. */
  readonly historyLimit: number
  /** Give consecutive held messages of one person as one turn (frozen here, until answered or split). */
  readonly merge: boolean
  /**
   * An earlier call of this owner failed and may have been stored all the same: a lease that it
   * knows nothing of is ended, and taken anew.
   */
  readonly again?: boolean
}

export interface HoldRequest {
  readonly outage: Outage
  readonly now: number
}

export interface ExpireRequest {
  readonly now: number
  /** Age in observed outage time, in milliseconds. */
  readonly maxAge: number
  /** Outage time observed since the last call, in milliseconds; added to what is held. */
  readonly observed: number
  /** The sentence for each message that is too old, given its time of arrival. */
  readonly notice: (at: number) => string
}

export interface WaitingCounts {
  readonly received: number
  readonly answering: number
  readonly held: number
  readonly parked: number
  /** When the oldest message that waits was accepted; null = none waits. */
  readonly oldestAt: number | null
}

export interface Inbox {
  /** @throws StoreError when nothing was stored, also when the request's fence is not the newest */
  accept(request: AcceptRequest): Promise<readonly Accepted[]>

  /** The oldest work of a conversation, or null when there is none or it may not be tried yet. */
  lease(request: LeaseRequest): Promise<Lease | null>

  /**
   * Stores how the turn ended and, in the same transaction, what must be sent.
   *
   * @returns false when the lease is not the newest any more: nothing was changed
   */
  finish(lease: Lease, outcome: TurnOutcome, now: number): Promise<boolean>

  /** Durable before the first edit of a draft, so that a crash leaves nothing orphaned. */
  saveDraft(lease: Lease, draft: string): Promise<boolean>

  /** Takes over the leases of every other owner (its process is gone) and returns the conversations with work. */
  recover(owner: string, now: number): Promise<readonly ConversationId[]>

  /** Conversations that have work now or later, with the earliest moment for each. */
  waiting(
    now: number,
  ): Promise<ReadonlyArray<{ readonly conversationId: ConversationId; readonly at: number }>>

  /** Everything that waits becomes `held`, and each conversation concerned is told once. Returns those with a new notice. */
  hold(request: HoldRequest): Promise<readonly ConversationId[]>

  /** Refuses what has been held too long. Returns the conversations with a new notice. */
  expire(request: ExpireRequest): Promise<readonly ConversationId[]>

  counts(): Promise<WaitingCounts>

  attachment(id: string): Promise<Attachment | null>

  cursor(channel: string, name: string): Promise<string | null>

  /** Every cursor of a channel, in no particular order. */
  cursors(channel: string): Promise<ReadonlyArray<Omit<Cursor, 'channel'>>>

  /** The queue as the operator sees it, oldest first. */
  queue(filter: {
    readonly states: readonly MessageState[]
    readonly limit: number
  }): Promise<readonly StoredMessage[]>

  /** A person's message by its id; null: there is none. */
  message(messageId: string): Promise<StoredMessage | null>

  /** A parked or held message may be tried again now. Returns its conversation; null: there is no such message in that state. */
  retry(messageId: string, now: number): Promise<ConversationId | null>

  /** The operator withdraws a message. Returns its conversation; null: there is no such message that waits. */
  drop(messageId: string, now: number): Promise<ConversationId | null>
}

/** What is to be sent, first in, first out within a conversation. */
export interface OutboxItem {
  readonly id: string
  readonly conversationId: ConversationId
  readonly channel: string
  readonly address: string
  readonly kind: 'answer' | 'notice'
  readonly text: string
  /** The platform's id of the message that it answers; null = none. */
  readonly replyTo: string | null
  /** The platform's id of a draft to be completed in place. */
  readonly draft: string | null
  /** When the message that it answers was accepted; null for notices. */
  readonly askedAt: number | null
  /** When it was put here. */
  readonly at: number
  /** Platform ids of the parts that were sent, by index. */
  readonly receipts: readonly string[]
  readonly attempts: number
}

export interface Outbox {
  /** A message of the gateway's own into a conversation, in order with everything else. */
  enqueue(item: {
    readonly conversationId: ConversationId
    readonly text: string
    readonly replyTo: string | null
    readonly now: number
  }): Promise<void>
  /** The oldest unsent item of the conversation, and when it may be tried. */
  head(
    conversationId: ConversationId,
  ): Promise<{ readonly item: OutboxItem; readonly notBefore: number } | null>
  /** A part was sent. `last` also ends the item. */
  receipt(itemId: string, part: number, platformId: string, last: boolean): Promise<void>
  /** Not now: `notBefore` is when it may be tried again. */
  postpone(itemId: string, notBefore: number): Promise<void>
  /** Cannot be delivered, ever (the bot was blocked); the next one goes on. */
  abandon(itemId: string, reason: string): Promise<void>
  /** Conversations with something to send, with the earliest moment for each. */
  pending(): Promise<ReadonlyArray<{ readonly conversationId: ConversationId; readonly notBefore: number }>>
}
