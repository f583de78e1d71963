import { SECOND } from '../../support/clock.ts'
import type { ConversationId } from '../message.ts'

interface Entry {
  /** Messages known to wait; null = some, not counted. */
  messages: number | null
  running: boolean
  /** Increases with each arrival, so that an empty result of the store is ignored when a message arrived since. */
  arrivals: number
}

/**
 * Which conversations have work, in memory: first come, first served over conversations, so that a flooding
 * conversation waits its turn like any other. Only the store is authoritative; this avoids needless
 * queries.
 */
export class WorkQueue {
  readonly #entries = new Map<ConversationId, Entry>()
  /** In the order of their turns. */
  #ready = new Set<ConversationId>()
  /** Wait for a moment, in epoch milliseconds. */
  readonly #later = new Map<ConversationId, number>()

  /** Conversations that wait for a turn, now or later. */
  get waiting(): number {
    return this.#ready.size + this.#later.size
  }

  get ready(): number {
    return this.#ready.size
  }

  /** A message was accepted. It queues behind the messages already waiting, and behind a pause. */
  arrived(id: ConversationId): void {
    const entry = this.#entry(id)
    entry.arrivals++
    if (entry.messages !== null) entry.messages++
    if (!entry.running && !this.#later.has(id)) this.#ready.add(id)
  }

  /** The conversation has changed: query the store, whatever was known. */
  wake(id: ConversationId): void {
    const entry = this.#entry(id)
    entry.arrivals++
    entry.messages = null
    this.#later.delete(id)
    if (!entry.running) this.#ready.add(id)
  }

  /** What the store says has work, in the order in which it is to be done. */
  load(
    rows: ReadonlyArray<{ readonly conversationId: ConversationId; readonly at: number }>,
    now: number,
  ): void {
    const before = this.#ready
    this.#ready = new Set()
    for (const { conversationId, at } of rows) {
      const entry = this.#entry(conversationId)
      entry.messages = null
      this.#later.delete(conversationId)
      if (entry.running) continue
      if (at > now) this.#later.set(conversationId, at)
      else this.#ready.add(conversationId)
    }
    // What arrived while the store was being read.
    for (const id of before) if (!this.#later.has(id)) this.#ready.add(id)
  }

  /** The next conversation, which counts as running until `done` or `empty`. */
  next(now: number): { readonly id: ConversationId; readonly arrivals: number } | null {
    for (const [id, at] of this.#later) {
      if (at > now) continue
      this.#later.delete(id)
      this.#ready.add(id)
    }
    for (const id of this.#ready) {
      this.#ready.delete(id)
      const entry = this.#entry(id)
      entry.running = true
      return { id, arrivals: entry.arrivals }
    }
    return null
  }

  /**
   * A turn is over.
   *
   * @param answered messages that no longer wait
   * @param retryAt when the conversation may be tried again; null = now
   */
  done(id: ConversationId, answered: number, retryAt: number | null): void {
    const entry = this.#entry(id)
    entry.running = false
    if (entry.messages !== null) entry.messages -= answered
    if (retryAt !== null) this.#later.set(id, retryAt)
    else if (entry.messages === null || entry.messages > 0) this.#ready.add(id)
    else this.#entries.delete(id)
  }

  /** The store has nothing for it, as of the moment of `next`. */
  empty(id: ConversationId, arrivals: number): void {
    const entry = this.#entry(id)
    entry.running = false
    if (entry.arrivals !== arrivals) {
      entry.messages = null
      this.#ready.add(id)
    } else if (!this.#later.has(id)) this.#entries.delete(id)
  }

  /** When the next pause ends; null = none waits for a moment. */
  nextAt(): number | null {
    let next: number | null = null
    for (const at of this.#later.values()) if (next === null || at < next) next = at
    return next
  }

  #entry(id: ConversationId): Entry {
    let entry = this.#entries.get(id)
    if (!entry) this.#entries.set(id, (entry = { messages: 0, running: false, arrivals: 0 }))
    return entry
  }
}

/** From this rate on a limit no longer protects anybody: concurrency limits first. */
const UNLIMITED_FROM = 1_000
/** Tokens that accumulate while idle: one second's worth, so that the start is not a burst. */
const BURST_SECONDS = 1

/**
 * How fast turns may begin after an outage. A provider that has just come back gets a
 * trickle that doubles each second, then no limit at all: a fixed
 * rate would be either too much at first or too little for ten thousand messages.
 *
 * Pure but for its own state; times are monotonic milliseconds.
 */
export class DrainRate {
  readonly #perSecond: () => number
  #startedAt: number | null = null
  #tokens = 0
  #filledAt = 0

  /**
   * @param perSecond initial turns per second; read each time, because the number of processes that share
   * the rate changes
   */
  constructor(perSecond: () => number) {
    this.#perSecond = perSecond
  }

  get limiting(): boolean {
    return this.#startedAt !== null
  }

  start(now: number): void {
    this.#startedAt = now
    this.#filledAt = now
    this.#tokens = 1
  }

  /** Nothing is left to drain. */
  end(): void {
    this.#startedAt = null
  }

  /**
   * Acquires one turn.
   *
   * @returns 0 when it may begin now; otherwise the wait in milliseconds, and nothing was acquired
   */
  acquire(now: number): number {
    if (this.#startedAt === null) return 0
    const rate = this.#perSecond() * 2 ** Math.floor((now - this.#startedAt) / SECOND)
    if (rate >= UNLIMITED_FROM) {
      this.end()
      return 0
    }
    const capacity = Math.max(1, rate * BURST_SECONDS)
    this.#tokens = Math.min(capacity, this.#tokens + ((now - this.#filledAt) / SECOND) * rate)
    this.#filledAt = now
    if (this.#tokens >= 1) {
      this.#tokens -= 1
      return 0
    }
    return Math.ceil(((1 - this.#tokens) / rate) * SECOND)
  }
}
