import type { NanoUsd } from '../usage/price-table.ts'
import type { Cursor, Outage, AcceptRequest, Accepted } from './arrival.ts'
import type { Lease, NotYet, Spent, TurnOutcome, TurnTerms, LeaseRequest } from './lease.ts'
import type { MessageState, ConversationId, Attachment, StoredMessage } from './message.ts'
import type { ResultToStore, Step } from './step.ts'

/**
 * The durable inbox and outbox, as the core needs them. A storage implements these
 * interfaces; one contract suite runs against every storage.
 *
 * Times are epoch milliseconds and are always given by the caller: a storage never
 * reads the clock. Every method that changes something resolves only after its
 * commit is durable, and changes everything or nothing.
 *
 * A storage is constructed with the list of channels that pull: they read answers and
 * notices from the store themselves, so nothing is put into the outbox for them.
 */

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

/** What the provider has made of the history of a conversation. */
export interface CompactionToStore {
  readonly conversationId: ConversationId
  /** The turn with which its cost is booked. */
  readonly turnId: string
  readonly spent: readonly Spent[]
  /** The conversation's `summary` since then: with any other one it is another conversation. */
  readonly known: string
  /** It replaces the answers behind this `seq` … */
  readonly after: number
  /** … and up to this one, which are so many messages with their questions. */
  readonly upTo: number
  readonly messages: number
  /** Replaces the conversation's summary; `history` begins behind `upTo` from now on. null = only its cost is stored. */
  readonly summary: string | null
}

export interface WaitingCounts {
  readonly received: number
  readonly answering: number
  readonly held: number
  /** Messages, and what was parked before anything was made of it. */
  readonly parked: number
  /** When the oldest message that waits was accepted; null = none waits. */
  readonly oldestAt: number | null
}

/** A response to be stored, with the intents of its calls. */
export interface StepToStore {
  readonly step: Step
  /** Stored with the first step of the turn; not read after that. */
  readonly terms: string | null
  /** What the turn has paid for since its last stored step, this one included; left out: nothing. */
  readonly spent?: readonly Spent[]
  /** What the turn's open reservation has cost; left out: it has none. */
  readonly settles?: NanoUsd
}

export interface Inbox {
  /** @throws StoreError when nothing was stored, also when the request's fence is not the newest */
  accept(request: AcceptRequest): Promise<readonly Accepted[]>

  /**
   * As `accept`, of one message, whose turn begins in the same transaction if nothing else of its conversation
   * waits. Absent where the storage itself decides which turns begin.
   *
   * @returns the lease; null = the message waits like any other
   * @throws as `accept`. A StoreError may also mean that nobody knows: `lease` with `again` finds out
   */
  acceptAndBegin?(
    request: AcceptRequest,
    terms: TurnTerms,
  ): Promise<{ readonly accepted: readonly Accepted[]; readonly lease: Lease | null }>

  /** The oldest work of a conversation; null = there is none. */
  lease(request: LeaseRequest): Promise<Lease | NotYet | null>

  /**
   * Stores how the turn ended and, in the same transaction, what must be sent.
   *
   * @returns false when the lease is not the newest any more: nothing was changed
   */
  finish(lease: Lease, outcome: TurnOutcome, now: number): Promise<boolean>

  /** Durable before the first edit of a draft, so that a crash leaves nothing orphaned. */
  saveDraft(lease: Lease, draft: string): Promise<boolean>

  /**
   * Stores a response with the intents of its calls, before anything acts on it. From the first one on the turn is
   * frozen: its messages are answered together, whichever process leases them, and neither edited nor withdrawn by their
   * sender's platform. A step that is stored already is not stored again.
   *
   * @returns false when the lease is not the newest any more, or the step before this one is missing: nothing was
   * changed
   */
  saveStep(lease: Lease, step: StepToStore, now: number): Promise<boolean>

  /**
   * Stores what a call led to; the first result stays.
   *
   * @returns false when the lease is not the newest any more, or there is no such call: nothing was changed
   */
  saveResult(lease: Lease, result: ResultToStore, now: number): Promise<boolean>

  /**
   * Stores what the provider has compacted, unless anything but later turns has changed since it was asked. Its cost
   * is stored in any case, in the same transaction.
   *
   * @returns `busy`: a turn is running, or waits with stored steps, and nothing was stored; `outdated`: it is not used
   */
  saveCompaction(compaction: CompactionToStore): Promise<'saved' | 'busy' | 'outdated'>

  /** Takes over the leases of every other owner (its process is gone) and returns the conversations with work. */
  recover(owner: string, now: number): Promise<readonly ConversationId[]>

  /** Conversations that have work now or later, with the earliest moment for each. */
  waiting(
    now: number,
  ): Promise<ReadonlyArray<{ readonly conversationId: ConversationId; readonly at: number }>>

  /**
   * Everything that waits becomes `held`, and each of their conversations is notified once. Returns those
   * with a new notice.
   */
  hold(request: HoldRequest): Promise<readonly ConversationId[]>

  /** Refuses what has been held too long. Returns the conversations with a new notice. */
  expire(request: ExpireRequest): Promise<readonly ConversationId[]>

  /**
   * What is held until a moment for this reason, as a budget holds it, may be tried now. Returns its conversations.
   */
  releaseHeld(reason: string, now: number): Promise<readonly ConversationId[]>

  counts(): Promise<WaitingCounts>

  /** @param within only one of this conversation's messages; default: of any */
  attachment(id: string, within?: ConversationId): Promise<Attachment | null>

  cursor(channel: string, name: string): Promise<string | null>

  /** Every cursor of a channel, in no particular order. */
  cursors(channel: string): Promise<ReadonlyArray<Omit<Cursor, 'channel'>>>

  /** A cursor that means nothing any more. */
  removeCursor(channel: string, name: string): Promise<void>

  /** The queue as the operator sees it, oldest first. */
  queue(filter: {
    readonly states: readonly MessageState[]
    readonly limit: number
  }): Promise<readonly StoredMessage[]>

  /** A person's message by its id; null: there is none. */
  message(messageId: string): Promise<StoredMessage | null>

  /**
   * A parked or held message may be tried again now, with all messages of its turn if that has stored steps.
   * Returns its conversation; null: there is no such message in that state.
   */
  retry(messageId: string, now: number): Promise<ConversationId | null>

  /**
   * The operator withdraws a message, with all messages of its turn if that has stored steps. Returns its
   * conversation; null: there is no such message that waits.
   */
  drop(messageId: string, now: number): Promise<ConversationId | null>
}

/**
 * Small things that must be known after a restart: which warning was given for which token,
 * which thresholds were announced. Durable when the promise resolves. Never a secret.
 */
export interface Facts {
  get(key: string): Promise<string | null>
  set(key: string, value: string): Promise<void>
  delete(key: string): Promise<void>
}
