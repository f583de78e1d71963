import { sleep, type Clock, MINUTE, SECOND } from '../../../support/clock.ts'
import { TransientError } from '../../../support/errors.ts'
import { isGroup } from '../address.ts'

/**
 * How fast we talk, kept a little below what Telegram allows, so that its 429 stays rare.
 *
 * @see https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this
 */
export interface PacingLimits {
  /** One message a second to one chat, with short bursts. */
  readonly chat: BucketLimits
  /** Twenty messages a minute to one group. */
  readonly group: BucketLimits
  /** Thirty messages a second over all chats. */
  readonly overall: BucketLimits
}

interface BucketLimits {
  readonly burst: number
  readonly perSecond: number
}

export const DEFAULT_PACING: PacingLimits = {
  chat: { burst: 20, perSecond: 1 },
  group: { burst: 10, perSecond: 20 / 60 },
  overall: { burst: 30, perSecond: 30 },
}

/** A wait up to this long is sat out here; a longer one goes back to the outbox, which remembers it over a restart. */
const LONGEST_WAIT_MS = 2 * SECOND
/** The share of a bucket that drafts leave for finished texts. */
const DRAFT_RESERVE = 0.5
/** Chats remembered before the full buckets are forgotten: a few hundred kilobytes. */
const REMEMBERED_CHATS = 5_000
/** Nobody is asked to wait longer than an hour; a greater `retry_after` is asked for again then. */
const LONGEST_BLOCK_MS = 60 * MINUTE

/** Hands out the right to send: never more than the limits, and never while a chat told us to wait. */
export class Pacing {
  readonly #clock: Clock
  readonly #limits: PacingLimits
  readonly #overall: Bucket
  readonly #chats = new Map<number, Bucket>()
  readonly #blocked = new Map<number, number>()

  constructor(clock: Clock, limits: PacingLimits = DEFAULT_PACING) {
    this.#clock = clock
    this.#limits = limits
    this.#overall = new Bucket(limits.overall, clock.monotonic())
  }

  /**
   * Resolves when a message may be sent to the chat.
   *
   * @throws TransientError when that is more than a few seconds away; the signal's reason when aborted
   */
  async turn(chatId: number, signal: AbortSignal): Promise<void> {
    for (;;) {
      const waitMs = this.#wait(chatId, 0)
      if (waitMs === 0) return this.#take(chatId)
      if (waitMs > LONGEST_WAIT_MS) throw new TransientError('sending too fast', waitMs, 'rate-limited')
      await sleep(this.#clock, waitMs, signal)
    }
  }

  /** May a draft be shown now? Never waits, and leaves the better part to finished texts. */
  tryDraft(chatId: number): boolean {
    if (this.#wait(chatId, DRAFT_RESERVE) > 0) return false
    this.#take(chatId)
    return true
  }

  /** Is the chat free of a wait that Telegram asked for? */
  isOpen(chatId: number): boolean {
    return this.#blockedFor(chatId) === 0
  }

  /** Telegram asked us to leave the chat alone for `ms`. */
  block(chatId: number, ms: number): void {
    this.#blocked.set(chatId, this.#clock.monotonic() + Math.min(ms, LONGEST_BLOCK_MS))
  }

  #wait(chatId: number, reserve: number): number {
    const now = this.#clock.monotonic()
    const wait = Math.max(this.#bucket(chatId).wait(now, reserve), this.#overall.wait(now, reserve))
    return Math.max(wait, this.#blockedFor(chatId))
  }

  #take(chatId: number): void {
    this.#bucket(chatId).take()
    this.#overall.take()
  }

  #blockedFor(chatId: number): number {
    const until = this.#blocked.get(chatId)
    if (until === undefined) return 0
    const left = until - this.#clock.monotonic()
    if (left > 0) return Math.ceil(left)
    this.#blocked.delete(chatId)
    return 0
  }

  #bucket(chatId: number): Bucket {
    let bucket = this.#chats.get(chatId)
    if (!bucket) {
      const now = this.#clock.monotonic()
      if (this.#chats.size >= REMEMBERED_CHATS) this.#forgetFull(now)
      bucket = new Bucket(isGroup(chatId) ? this.#limits.group : this.#limits.chat, now)
      this.#chats.set(chatId, bucket)
    }
    return bucket
  }

  #forgetFull(now: number): void {
    for (const [chatId, bucket] of this.#chats) if (bucket.isFull(now)) this.#chats.delete(chatId)
  }
}

/** A token bucket. */
class Bucket {
  readonly #limits: BucketLimits
  #tokens: number
  #at: number

  constructor(limits: BucketLimits, now: number) {
    this.#limits = limits
    this.#tokens = limits.burst
    this.#at = now
  }

  /** Milliseconds until a token is there beyond the reserved share; call it before `take`. */
  wait(now: number, reserve: number): number {
    this.#refill(now)
    const missing = 1 + Math.floor(this.#limits.burst * reserve) - this.#tokens
    return missing <= 0 ? 0 : Math.ceil((missing / this.#limits.perSecond) * SECOND)
  }

  take(): void {
    this.#tokens -= 1
  }

  isFull(now: number): boolean {
    this.#refill(now)
    return this.#tokens >= this.#limits.burst
  }

  #refill(now: number): void {
    const passed = (now - this.#at) / SECOND
    this.#tokens = Math.min(this.#limits.burst, this.#tokens + passed * this.#limits.perSecond)
    this.#at = now
  }
}
