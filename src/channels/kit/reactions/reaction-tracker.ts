import type { Conversations } from '../../../conversation/conversations.ts'
import type { InboundEvent, Receiver } from '../../../conversation/receiver.ts'
import type { Accepted } from '../../../inbox/arrival.ts'
import { type Reaction, replyTarget, type SendChannel } from '../../../inbox/delivery/send-channel.ts'
import type { Inbox } from '../../../inbox/inbox.ts'
import type { ConversationId, MessageState } from '../../../inbox/message.ts'
import type { OutboxItem } from '../../../inbox/outbox.ts'
import { SECOND, type Clock, type Timer } from '../../../support/clock.ts'
import { messageOf } from '../../../support/errors.ts'
import type { Log } from '../../../support/log.ts'
import { observeArrivals } from '../observe-arrivals.ts'
import { isWaiting, QUICK_ANSWER_MS, wantedReaction } from './decide-reaction.ts'
import { type ReactedMessage, ReactionQueue } from './reaction-queue.ts'

/** By then an answer has mostly been sent, which says more about its message than a look into the store, for less. */
const LOOK_AFTER_CHANGE_MS = SECOND
/** After a store that failed, and where only a part of a conversation is held. */
const LOOK_AGAIN_MS = 10 * SECOND
/** Messages followed at the same time, some megabytes: as many as are held at most by default. */
const MAX_FOLLOWED = 10_000
/** Messages of a former process that are followed: each comes with its text. The others are cleared with their answer. */
const MAX_RESUMED = 1_000
/** Rows in which the members of one late answer are looked for. */
const LATE_ROWS = 100
const WAITING_STATES = ['received', 'answering', 'held'] as const
const BOTH: ReadonlySet<Reaction> = new Set(['taken', 'held'])
const NONE: ReadonlySet<Reaction> = new Set()

interface Followed extends ReactedMessage {
  /** As the store names it. */
  readonly id: string
  /** Who wrote it, as the platform names people. */
  readonly person: string | null
  /** Monotonic. */
  readonly since: number
  state: MessageState
  /** Its state was read from the store since it was quick. */
  looked: boolean
  /** A former process has set its reactions, and which they are is a guess. */
  readonly guessed: boolean
}

/** The messages of a conversation that wait for their answer, by the platform's id, oldest first. */
interface Followings {
  readonly conversationId: ConversationId
  readonly channel: ReactingChannel
  readonly messages: Map<string, Followed>
  /** The next look into the store, and when it is due on the monotonic clock. */
  next: { readonly timer: Timer; readonly at: number } | null
  looking: boolean
}

interface ReactingChannel {
  readonly sendChannel: SendChannel
  readonly queue: ReactionQueue
  /** What was accepted before, in epoch milliseconds, may carry reactions that nobody here knows of. */
  knownSince: number
}

export interface ReactionTrackerOptions {
  /** Those on which reactions are switched on. */
  readonly sendChannels: readonly SendChannel[]
  readonly inbox: Pick<Inbox, 'message' | 'queue'>
  readonly conversations: Pick<Conversations, 'messages'>
  readonly clock: Clock
  readonly log: Log
}

/**
 * Keeps the reactions of people's messages in line with their states, on the channels that this process
 * sends on. Nothing of it is stored: what a former process has shown follows from the states of the messages.
 *
 * A quick answer costs no request and no look into the store; a slow one costs one look.
 */
export class ReactionTracker {
  readonly #options: ReactionTrackerOptions
  readonly #channels = new Map<string, ReactingChannel>()
  readonly #followings = new Map<ConversationId, Followings>()
  #followed = 0
  #stopped = false

  constructor(options: ReactionTrackerOptions) {
    this.#options = options
    const { clock, log } = options
    for (const sendChannel of options.sendChannels) {
      const { channel, reactions } = sendChannel
      if (!reactions) continue
      const queue = new ReactionQueue({ channel, reactions, clock, log })
      this.#channels.set(channel, { sendChannel, queue, knownSince: clock.now() })
    }
  }

  /** What the channels hand their messages to. */
  observe(receiver: Receiver): Receiver {
    if (this.#channels.size === 0) return receiver
    return observeArrivals(receiver, { after: (...arrival) => this.#arrived(...arrival) })
  }

  /** This process sends on the channel from now on: continues with what former ones have left. Never rejects. */
  async resume(name: string): Promise<void> {
    const channel = this.#channels.get(name)
    if (!channel || channel.sendChannel.here === false) return
    const { inbox, clock, log } = this.#options
    channel.queue.clear()
    for (const followings of this.#followings.values())
      if (followings.channel === channel) this.#forget(followings)
    channel.knownSince = clock.now()
    try {
      const rows = await inbox.queue({ states: WAITING_STATES, limit: MAX_RESUMED })
      for (const { id, conversationId, platformMessageId, personId: person, state } of rows) {
        if (!conversationId.startsWith(`${name}:`) || platformMessageId === null) continue
        // Of a chat that has moved the messages have other ids.
        const address = conversationId.slice(name.length + 1)
        const row = { id, person, address, platformId: platformMessageId, state }
        this.#follow(conversationId, channel, row, true)
      }
    } catch (error) {
      log.debug({ channel: name }, `the waiting messages were not read: ${messageOf(error)}`)
    }
  }

  /** As `resume`, of every channel that this process sends on. */
  async resumeAll(): Promise<void> {
    for (const name of this.#channels.keys()) await this.resume(name)
  }

  /** Rows of the conversation have changed; null: of any. */
  changed(conversationId: ConversationId | null): void {
    if (conversationId === null) {
      for (const followings of this.#followings.values()) this.#lookIn(LOOK_AFTER_CHANGE_MS, followings)
      return
    }
    const followings = this.#followings.get(conversationId)
    if (followings) this.#lookIn(LOOK_AFTER_CHANGE_MS, followings)
  }

  /**
   * The platform has accepted an answer: everything up to its question has ended, but for what others wrote between
   * the pieces of the question.
   */
  delivered({ id, kind, channel: name, conversationId, address, replyTo, askedAt }: OutboxItem): void {
    const channel = this.#channels.get(name)
    if (!channel || kind !== 'answer' || replyTo === null) return
    const followings = this.#followings.get(conversationId)
    const question = followings?.messages.get(replyTo)
    if (!followings || !question) {
      if (askedAt !== null && askedAt < channel.knownSince)
        void this.#clearLate(channel, { id, conversationId, address })
      return
    }
    for (const message of followings.messages.values()) {
      if (message.person === question.person) this.#apply(followings, message, 'answered')
      if (message.platformId === replyTo) break
    }
    if (followings.messages.size === 0) this.#forget(followings)
  }

  /** Removes what is to be removed, and shows nothing more. Resolves within `ms` milliseconds. */
  async stop(ms: number): Promise<void> {
    this.#stopped = true
    for (const { next } of this.#followings.values()) next?.timer.cancel()
    await Promise.all([...this.#channels.values()].map(({ queue }) => queue.stop(ms)))
  }

  #arrived(name: string, event: InboundEvent, accepted: Accepted): void {
    const channel = this.#channels.get(name)
    if (!channel || event.kind !== 'message' || !event.chat.addressed) return
    const { conversationId, messageId, state, duplicate } = accepted
    if (conversationId === null || messageId === null || state === null || duplicate) return
    const platformId = replyTarget(event.platformMessageId)
    if (!isWaiting(state) || platformId === null) return
    const { address, person } = event
    const row = { id: messageId, person: person.id, address, platformId, state }
    this.#follow(conversationId, channel, row, false)
  }

  #follow(
    conversationId: ConversationId,
    channel: ReactingChannel,
    row: Pick<Followed, 'id' | 'person' | 'address' | 'platformId' | 'state'>,
    guessed: boolean,
  ): void {
    if (this.#stopped) return
    if (this.#followings.get(conversationId)?.messages.has(row.platformId)) return
    if (this.#followed >= MAX_FOLLOWED) this.#forgetOldest()
    const followings: Followings = this.#followings.get(conversationId) ?? {
      conversationId,
      channel,
      messages: new Map(),
      next: null,
      looking: false,
    }
    this.#followings.set(conversationId, followings)
    const since = this.#options.clock.monotonic()
    const shown: ReadonlySet<Reaction> = guessed ? new Set([row.state === 'held' ? 'held' : 'taken']) : NONE
    const message: Followed = { ...row, shown, wanted: null, tries: 0, since, looked: false, guessed }
    followings.messages.set(row.platformId, message)
    this.#followed++
    if (guessed) return
    if (row.state === 'held') this.#apply(followings, message, 'held')
    else this.#lookIn(QUICK_ANSWER_MS, followings)
  }

  #lookIn(ms: number, followings: Followings): void {
    const { clock } = this.#options
    const at = clock.monotonic() + ms
    if (this.#stopped || (followings.next && followings.next.at <= at)) return
    followings.next?.timer.cancel()
    const look = () => {
      followings.next = null
      if (followings.looking) this.#lookIn(LOOK_AFTER_CHANGE_MS, followings)
      else void this.#look(followings)
    }
    followings.next = { timer: clock.setTimer(look, ms), at }
  }

  /** Reads the states of the messages that are not quick any more. Never rejects. */
  async #look(followings: Followings): Promise<void> {
    const { inbox, clock, log } = this.#options
    followings.looking = true
    try {
      const unchanged = new Set<MessageState>()
      for (const message of followings.messages.values()) {
        // A conversation is answered in order: what is in the state of one before it that waits as before, does too.
        if (message.looked && unchanged.has(message.state)) continue
        const waited = clock.monotonic() - message.since
        if (waited < QUICK_ANSWER_MS) {
          this.#lookIn(QUICK_ANSWER_MS - waited, followings)
          break
        }
        const before = message.state
        const state = (await inbox.message(message.id))?.state ?? 'withdrawn'
        // Its answer was delivered in the meantime.
        if (followings.messages.get(message.platformId) !== message) continue
        message.looked = true
        this.#apply(followings, message, state)
        if (state === before) unchanged.add(state)
      }
      // What was not held with the others will be, or they will be answered; of that nobody may tell.
      const states = new Set([...followings.messages.values()].map(({ state }) => state))
      if (states.has('held') && states.size > 1) this.#lookIn(LOOK_AGAIN_MS, followings)
    } catch (error) {
      log.debug({ channel: followings.channel.sendChannel.channel }, messageOf(error))
      this.#lookIn(LOOK_AGAIN_MS, followings)
    } finally {
      followings.looking = false
    }
    if (followings.messages.size === 0) this.#forget(followings)
  }

  #apply({ channel, messages }: Followings, message: Followed, state: MessageState): void {
    message.state = state
    if (!isWaiting(state)) {
      messages.delete(message.platformId)
      this.#followed--
      if (message.guessed) message.shown = BOTH
    }
    channel.queue.want(message, wantedReaction(state, this.#options.clock.monotonic() - message.since))
  }

  /** An answer to messages that were accepted before anybody here followed them. Never rejects. */
  async #clearLate(
    { queue, sendChannel }: ReactingChannel,
    { id, conversationId, address }: Pick<OutboxItem, 'id' | 'conversationId' | 'address'>,
  ): Promise<void> {
    const { conversations, log } = this.#options
    try {
      const rows = await conversations.messages(conversationId, { limit: LATE_ROWS, beforeSeq: null })
      for (const { answeredBy, platformMessageId } of rows) {
        const platformId = answeredBy === id ? replyTarget(platformMessageId) : null
        if (platformId !== null)
          queue.want({ address, platformId, shown: BOTH, wanted: null, tries: 0 }, null)
      }
    } catch (error) {
      log.debug({ channel: sendChannel.channel }, messageOf(error))
    }
  }

  #forgetOldest(): void {
    const [oldest] = this.#followings.values()
    if (!oldest) return
    this.#forget(oldest)
    oldest.channel.knownSince = this.#options.clock.now()
  }

  #forget(followings: Followings): void {
    followings.next?.timer.cancel()
    followings.next = null
    this.#followed -= followings.messages.size
    followings.messages.clear()
    // Another may have taken its place while the store was read.
    if (this.#followings.get(followings.conversationId) === followings)
      this.#followings.delete(followings.conversationId)
  }
}
