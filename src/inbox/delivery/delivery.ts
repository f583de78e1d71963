import { backoffDelay, type BackoffOptions } from '../../support/backoff.ts'
import { MINUTE, SECOND, sleep, type Clock, type Timer } from '../../support/clock.ts'
import { StoreError, TransientError, messageOf } from '../../support/errors.ts'
import type { Log } from '../../support/log.ts'
import { remember } from '../../support/remember.ts'
import { redact } from '../../support/text/redact.ts'
import type { MessageObserver } from '../figures/observer.ts'
import type { Fleet } from '../fleet/fleet.ts'
import { STORE_BACKOFF } from '../gate/store-health.ts'
import type { Inbox } from '../inbox.ts'
import type { Lease, TurnOutcome } from '../lease.ts'
import type { ConversationId } from '../message.ts'
import type { Outbox, OutboxItem } from '../outbox.ts'
import { Moved, NotHere, Undeliverable, type SendChannel, replyTarget } from './send-channel.ts'

const SEND_BACKOFF: BackoffOptions = { initialMs: SECOND, maxMs: 5 * MINUTE }

/**
 * A failure that no outlet explains is a bug, and its item would block the conversation forever. With the
 * back-off above this is about three hours of attempts.
 */
const MAX_UNEXPLAINED_TRIES = 40

/** Conversations sent to at the same time on one channel: platforms limit a bot to some 30 messages a second. */
const PARALLEL_PER_CHANNEL = 16

/** A hanging platform must not keep the next process from the channel; sending a part takes a fraction of this. */
const LEAVING_TIMEOUT_MS = 3 * SECOND

/** In the place of a platform's id: nothing was sent, or its id cannot be stored. */
const NO_ID = 'none'

/** Guards against a migration loop: a chat that keeps reporting new addresses within one delivery. */
const MAX_MOVES = 3

export interface DeliveryOptions {
  readonly outbox: Outbox
  readonly inbox: Pick<Inbox, 'accept'>
  /** By channel. */
  readonly sendChannels: ReadonlyMap<string, SendChannel>
  readonly observer: MessageObserver
  readonly clock: Clock
  readonly log: Log
  readonly onStoreError: (error: unknown) => void
  /** Notified of items that another process must send. */
  readonly fleet: Pick<Fleet, 'notify'>
  /** The platform has accepted an item whole. */
  readonly onDelivered?: (item: OutboxItem) => void
  readonly random?: () => number
}

/**
 * Sends what the outbox holds: first in, first out within a conversation, conversations in parallel, and
 * the failure of one channel never affects another. Each sent part is recorded before the next one is sent,
 * so a restart continues after it.
 */
export class Delivery {
  readonly #options: DeliveryOptions
  /** Conversations known to have something to send; the value says whether more was added since the last read. */
  readonly #pending = new Map<ConversationId, { news: boolean }>()
  /** The right to send into a conversation: held by the outbox or by a draft. */
  readonly #sending = new Set<ConversationId>()
  readonly #perChannel = new Map<string, number>()
  readonly #later = new Map<ConversationId, Timer>()
  /** How long the model took for the answer to the message accepted at that moment. */
  readonly #modelTimes = new Map<string, number>()
  readonly #stop = new AbortController()
  #idle: (() => void) | null = null
  /** Wait for the end of something that is being sent. */
  readonly #leaving = new Set<() => void>()

  constructor(options: DeliveryOptions) {
    this.#options = options
  }

  /** Sends what earlier holders have left: at the start, and when this process acquires a channel. */
  async resume(): Promise<void> {
    if (![...this.#options.sendChannels.values()].some(isHere)) return
    for (const { conversationId } of await this.#options.outbox.pending()) this.wakeHere(conversationId)
  }

  /** A turn's outcome was stored: counts its answer, and sends what it put into the outbox. */
  finished(lease: Lease, outcome: TurnOutcome): void {
    if (outcome.kind === 'answered') this.#observeAnswer(lease, outcome.modelMs)
    if (outcome.kind !== 'returned' && outcome.kind !== 'failed') this.wake(lease.conversation.id)
  }

  /** Something is in the conversation's outbox, or may be tried again. */
  wake(conversationId: ConversationId): void {
    // Channels that pull read it from the store.
    if (this.#sendChannelOf(conversationId)?.push === false) return
    if (!this.wakeHere(conversationId)) this.#options.fleet.notify({ kind: 'outbox', id: conversationId })
  }

  /** As `wake`. @returns false: this process does not send on the conversation's channel */
  wakeHere(conversationId: ConversationId): boolean {
    const sendChannel = this.#sendChannelOf(conversationId)
    if (!sendChannel || !isHere(sendChannel) || this.#stop.signal.aborted) return false
    const known = this.#pending.get(conversationId)
    if (known) known.news = true
    else this.#pending.set(conversationId, { news: true })
    if (!this.#later.has(conversationId)) this.#begin(conversationId, sendChannel)
    return true
  }

  /**
   * Resolves when nothing is in flight on a channel that this process no longer sends on, or after the
   * longest time that the next holder should wait for the channel.
   */
  async drained(channel: string): Promise<void> {
    let timedOut = false
    const over = this.#options.clock.setTimer(() => {
      timedOut = true
      for (const resolve of this.#leaving) resolve()
    }, LEAVING_TIMEOUT_MS)
    while (!timedOut && (this.#perChannel.get(channel) ?? 0) > 0 && !this.#stop.signal.aborted) {
      await new Promise<void>((resolve) => this.#leaving.add(resolve))
    }
    over.cancel()
  }

  /** Is nothing waiting to be sent into this conversation, nor being sent? */
  isIdle(conversationId: ConversationId): boolean {
    return !this.#pending.has(conversationId) && !this.#sending.has(conversationId)
  }

  /** How many conversations have something to send. */
  get pending(): number {
    return this.#pending.size
  }

  /**
   * Acquires the right to send into an idle conversation, so that a draft overtakes nothing; null when it
   * is not idle.
   */
  reserve(conversationId: ConversationId): Disposable | null {
    if (!this.isIdle(conversationId) || this.#stop.signal.aborted) return null
    this.#sending.add(conversationId)
    let mine = true
    return {
      [Symbol.dispose]: () => {
        // A second release would revoke a right that another holder has by then.
        if (!mine) return
        mine = false
        this.#sending.delete(conversationId)
        if (this.#pending.has(conversationId)) this.wake(conversationId)
      },
    }
  }

  /** Starts nothing new and waits for the parts in flight, for at most `ms` milliseconds. */
  async stop(ms: number): Promise<void> {
    const { clock } = this.#options
    for (const timer of this.#later.values()) timer.cancel()
    this.#later.clear()
    if (this.#sending.size > 0) {
      const idle = new Promise<void>((resolve) => (this.#idle = resolve))
      // Half of the time for parts in flight, the rest for storing their receipts.
      const hurry = clock.setTimer(() => this.#stop.abort(new Error('shutting down')), ms / 2)
      let giveUp: Timer | null = null
      await Promise.race([idle, new Promise<void>((done) => (giveUp = clock.setTimer(done, ms)))])
      hurry.cancel()
      giveUp!.cancel()
    }
    this.#stop.abort(new Error('shutting down'))
  }

  #sendChannelOf(conversationId: ConversationId): SendChannel | undefined {
    // A conversation's id begins with its channel and never changes.
    return this.#options.sendChannels.get(conversationId.slice(0, conversationId.indexOf(':')))
  }

  #begin(id: ConversationId, sendChannel: SendChannel): void {
    if (this.#sending.has(id) || this.#idle !== null) return
    const busy = this.#perChannel.get(sendChannel.channel) ?? 0
    if (busy >= PARALLEL_PER_CHANNEL) return
    this.#perChannel.set(sendChannel.channel, busy + 1)
    this.#sending.add(id)
    void this.#run(id, sendChannel).finally(() => {
      this.#sending.delete(id)
      this.#perChannel.set(sendChannel.channel, this.#perChannel.get(sendChannel.channel)! - 1)
      for (const resolve of this.#leaving) resolve()
      this.#leaving.clear()
      if (this.#idle !== null && this.#sending.size === 0) this.#idle()
      this.#next(sendChannel)
    })
  }

  /** The channel has a free slot: the conversation that waited longest gets it. */
  #next(sendChannel: SendChannel): void {
    for (const id of this.#pending.keys()) {
      if (this.#sending.has(id) || this.#later.has(id) || this.#sendChannelOf(id) !== sendChannel) continue
      return this.#begin(id, sendChannel)
    }
  }

  /** Sends until the conversation's outbox is empty or an item has to wait. Never rejects. */
  async #run(id: ConversationId, sendChannel: SendChannel): Promise<void> {
    const { outbox, clock, log } = this.#options
    try {
      while (!this.#stop.signal.aborted && this.#idle === null) {
        if (!isHere(sendChannel)) throw new NotHere(sendChannel.channel)
        const state = this.#pending.get(id)
        if (state) state.news = false
        const head = await outbox.head(id)
        if (!head) {
          if (this.#pending.get(id)?.news) continue
          this.#pending.delete(id)
          return
        }
        const wait = head.notBefore - clock.now()
        if (wait > 0) return this.#pause(id, wait)
        const retryIn = await this.#deliver(head.item, sendChannel)
        if (retryIn !== null) return this.#pause(id, retryIn)
      }
    } catch (error) {
      if (error instanceof NotHere) {
        this.#pending.delete(id)
        return
      }
      this.#options.onStoreError(error)
      log.error({ err: error, conversation: id }, 'the outbox could not be read or written')
      this.#pause(id, STORE_BACKOFF.maxMs)
    }
  }

  #pause(id: ConversationId, ms: number): void {
    if (this.#idle !== null) return
    const timer = this.#options.clock.setTimer(
      () => {
        this.#later.delete(id)
        this.wake(id)
      },
      Math.max(1, ms),
    )
    this.#later.set(id, timer)
    // Moves to the end of its channel's queue.
    const state = this.#pending.get(id)
    if (!state) return
    this.#pending.delete(id)
    this.#pending.set(id, state)
  }

  /**
   * One item.
   *
   * @returns null when the item is finished, otherwise the wait before its next attempt, in milliseconds
   */
  async #deliver(item: OutboxItem, sendChannel: SendChannel): Promise<number | null> {
    const { outbox, clock, observer, log, random = Math.random } = this.#options
    const { channel } = sendChannel
    try {
      await this.#send(item, sendChannel)
      this.#observeDelivered(item)
      this.#options.onDelivered?.(item)
      return null
    } catch (error) {
      if (error instanceof StoreError || error instanceof NotHere) throw error
      // Whatever went wrong: another process sends the rest now, and records it.
      if (!isHere(sendChannel)) throw new NotHere(sendChannel.channel, { cause: error })
      if (this.#stop.signal.aborted) return 0
      const hopeless = !(error instanceof TransientError) && item.attempts + 1 >= MAX_UNEXPLAINED_TRIES
      if (error instanceof Undeliverable || hopeless) {
        const reason = redact(messageOf(error)).slice(0, 200)
        await outbox.abandon(item.id, reason)
        log.warn({ channel, conversation: item.conversationId, reason }, 'a message cannot be delivered')
        observer.emit({ kind: 'undeliverable', channel })
        return null
      }
      const asked = error instanceof TransientError ? (error.retryAfterMs ?? 0) : 0
      const wait = Math.max(asked, backoffDelay(item.attempts + 1, SEND_BACKOFF, random()))
      if (!(error instanceof TransientError)) log.error({ err: error, channel }, 'sending failed')
      await outbox.postpone(item.id, clock.now() + wait)
      return wait
    }
  }

  async #send(item: OutboxItem, sendChannel: SendChannel): Promise<void> {
    const own = item.kind === 'notice' ? sendChannel.ownWords?.(item.text, item.address) : undefined
    const parts = sendChannel.split(own ?? item.text)
    let address = item.address
    let moves = 0
    // An empty text cannot be sent: nothing is left to do.
    if (item.receipts.length >= parts.length) await this.#receipt(item.id, parts.length - 1, NO_ID, true)
    for (let index = item.receipts.length; index < parts.length;) {
      try {
        if (!isHere(sendChannel)) throw new NotHere(sendChannel.channel)
        const platformId = await this.#sendPart(item, sendChannel, address, parts[index]!, index)
        await this.#receipt(item.id, index, platformId, index === parts.length - 1)
        index++
      } catch (error) {
        if (!(error instanceof Moved) || ++moves > MAX_MOVES) throw error
        await this.#storeMove(sendChannel.channel, address, error.to)
        address = error.to
      }
    }
  }

  async #sendPart(
    item: OutboxItem,
    sendChannel: SendChannel,
    address: string,
    part: string,
    index: number,
  ): Promise<string> {
    const { signal } = this.#stop
    if (index === 0 && item.draft !== null) {
      try {
        await sendChannel.edit(address, item.draft, part, { final: true, signal })
        return item.draft
      } catch (error) {
        // The reader deleted the draft: the answer is still owed.
        if (!(error instanceof Undeliverable)) throw error
      }
    }
    const replyTo = index === 0 ? replyTarget(item.replyTo) : null
    return sendChannel.send(address, part, { replyTo, key: `${item.id}:${index}`, signal })
  }

  /** A sent part must be recorded before anything else happens, or it would be sent twice. */
  async #receipt(itemId: string, part: number, platformId: string, last: boolean): Promise<void> {
    const { outbox, clock, onStoreError, log, random = Math.random } = this.#options
    for (let attempt = 1; ; attempt++) {
      try {
        return await outbox.receipt(itemId, part, platformId, last)
      } catch (error) {
        if (!(error instanceof StoreError)) {
          // Never taken, however often: over without its id, rather than sent a second time.
          log.error({ err: error }, 'the store refuses the id of a message that was sent')
          if (platformId === NO_ID) throw new Undeliverable('sent, and the store refuses its receipt')
          return await this.#receipt(itemId, part, NO_ID, last)
        }
        onStoreError(error)
        if (this.#stop.signal.aborted) throw error
        await sleep(clock, backoffDelay(attempt, STORE_BACKOFF, random()), this.#stop.signal).catch(() => {})
      }
    }
  }

  async #storeMove(channel: string, from: string, to: string): Promise<void> {
    await this.#options.inbox.accept({
      arrivals: [{ kind: 'moved', channel, from, to }],
      cursors: [],
      now: this.#options.clock.now(),
      outage: null,
      limits: { maxPerConversation: Number.MAX_SAFE_INTEGER, maxTotal: Number.MAX_SAFE_INTEGER },
      holdFullNotice: '',
    })
  }

  /** On a channel that pulls, a stored answer has reached its reader; on all others it has once it was sent. */
  #observeAnswer({ conversation, messages }: Lease, modelMs: number): void {
    const { observer } = this.#options
    const { id, channel } = conversation
    const askedAt = messages.at(-1)!.at
    const answered = { kind: 'answered', channel, messages: messages.length } as const
    if (this.#sendChannelOf(id)?.push === false) {
      observer.emit({ ...answered, ...this.#timesSince(askedAt, modelMs) })
      return
    }
    remember(this.#modelTimes, `${id} ${askedAt}`, modelMs, MODEL_TIMES_KEPT)
    observer.emit({ ...answered, seconds: null, overheadSeconds: null })
  }

  #observeDelivered(item: OutboxItem): void {
    if (item.kind !== 'answer' || item.askedAt === null) return
    const key = `${item.conversationId} ${item.askedAt}`
    const times = this.#timesSince(item.askedAt, this.#modelTimes.get(key) ?? null)
    this.#modelTimes.delete(key)
    this.#options.observer.emit({ kind: 'delivered', channel: item.channel, ...times })
  }

  /** @param modelMs the time that the model took, which is not ours; null = unknown */
  #timesSince(
    askedAt: number,
    modelMs: number | null,
  ): { readonly seconds: number; readonly overheadSeconds: number | null } {
    const seconds = Math.max(0, this.#options.clock.now() - askedAt) / SECOND
    return {
      seconds,
      overheadSeconds: modelMs === null ? null : Math.max(0, seconds - modelMs / SECOND),
    }
  }
}

/** Does this process send on the channel? */
function isHere(sendChannel: SendChannel): boolean {
  return sendChannel.push && (sendChannel.here ?? true)
}

/** Answers in flight to a platform at the same time, with a margin. */
const MODEL_TIMES_KEPT = 10_000
