import { type Clock, HOUR, SECOND, sleep } from '../../../support/clock.ts'
import { TransientError } from '../../../support/errors.ts'
import { remember } from '../../../support/remember.ts'

/** Shorter waits happen here; a longer one is returned to the outbox, which survives a restart. */
export const LONGEST_WAIT_MS = 2 * SECOND
/** Conversations remembered before the unused buckets are forgotten: a few hundred kilobytes. */
const REMEMBERED_BUCKETS = 5_000

/** A token bucket for each conversation, and the waiting for tokens. */
export class Pacer<Conversation> {
  readonly #clock: Clock
  readonly #limitsOf: (conversation: Conversation) => BucketLimits
  readonly #buckets = new Map<Conversation, TokenBucket>()

  constructor(clock: Clock, limitsOf: (conversation: Conversation) => BucketLimits) {
    this.#clock = clock
    this.#limitsOf = limitsOf
  }

  bucketOf(conversation: Conversation): TokenBucket {
    const known = this.#buckets.get(conversation)
    if (known) return known
    if (this.#buckets.size >= REMEMBERED_BUCKETS) {
      for (const [name, bucket] of this.#buckets) if (bucket.isUnused()) this.#buckets.delete(name)
    }
    const bucket = new TokenBucket(this.#limitsOf(conversation), this.#clock)
    this.#buckets.set(conversation, bucket)
    return bucket
  }

  /** Takes a token of each bucket as soon as all have one. Throws as `shortWait` does. */
  async turn(buckets: readonly TokenBucket[], signal: AbortSignal): Promise<void> {
    for (let ms = longestWait(buckets, 0); ms > 0; ms = longestWait(buckets, 0)) {
      await shortWait(this.#clock, ms, signal)
    }
    // Nothing may come between the check of the buckets and this: another turn would take the same token.
    for (const bucket of buckets) bucket.take()
  }

  /** Takes a token of each bucket if the reserved share remains in each. Never waits. */
  tryTurn(buckets: readonly TokenBucket[], reserve: number): boolean {
    if (longestWait(buckets, reserve) > 0) return false
    for (const bucket of buckets) bucket.take()
    return true
  }
}

/** @throws TransientError when `ms` is more than a few seconds; the signal's reason when aborted */
export async function shortWait(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  if (ms > LONGEST_WAIT_MS) throw new TransientError('sending too fast', ms, 'rate-limited')
  await sleep(clock, ms, signal)
}

function longestWait(buckets: readonly TokenBucket[], reserve: number): number {
  return Math.max(...buckets.map((bucket) => bucket.waitMs(reserve)))
}

export interface BucketLimits {
  readonly burst: number
  readonly perSecond: number
}

/** A longer wait that a platform asks for is cut to an hour; the platform can ask again. */
export const LONGEST_BLOCK_MS = HOUR

/** A token bucket that can be closed for a time. */
export class TokenBucket {
  readonly #limits: BucketLimits
  readonly #clock: Clock
  #tokens: number
  #refilledAt: number
  #closedUntil = -Infinity

  constructor(limits: BucketLimits, clock: Clock) {
    this.#limits = limits
    this.#clock = clock
    this.#tokens = limits.burst
    this.#refilledAt = clock.monotonic()
  }

  /**
   * Milliseconds until a token is available. Call it before `take`.
   *
   * @param reserve the share of the burst that must remain
   */
  waitMs(reserve = 0): number {
    this.#refill()
    const missing = 1 + Math.floor(this.#limits.burst * reserve) - this.#tokens
    const refillMs = missing <= 0 ? 0 : Math.ceil((missing / this.#limits.perSecond) * SECOND)
    return Math.max(refillMs, this.closedMs())
  }

  take(): void {
    this.#tokens -= 1
  }

  /** The platform asked us to send nothing for `ms`. */
  close(ms: number): void {
    const until = this.#clock.monotonic() + Math.min(ms, LONGEST_BLOCK_MS)
    this.#closedUntil = Math.max(this.#closedUntil, until)
  }

  /** Milliseconds until that ends; 0 = open. */
  closedMs(): number {
    return Math.max(0, Math.ceil(this.#closedUntil - this.#clock.monotonic()))
  }

  /** Full and open, so a new bucket would behave the same. */
  isUnused(): boolean {
    return this.waitMs() === 0 && this.#tokens >= this.#limits.burst
  }

  #refill(): void {
    const now = this.#clock.monotonic()
    const passed = (now - this.#refilledAt) / SECOND
    this.#tokens = Math.min(this.#limits.burst, this.#tokens + passed * this.#limits.perSecond)
    this.#refilledAt = now
  }
}

/** Conversations whose typing indicator is remembered. */
const REMEMBERED_INDICATORS = 1_000

/** Skips requests while a platform still shows the previous typing indicator. */
export class TypingPace {
  readonly #clock: Clock
  readonly #intervalMs: number
  /** When it was shown last, by place, the one shown most recently at the end. */
  readonly #shown = new Map<string, number>()

  /** @param intervalMs somewhat less than the platform shows the indicator, in milliseconds */
  constructor(clock: Clock, intervalMs: number) {
    this.#clock = clock
    this.#intervalMs = intervalMs
  }

  /** @returns whether to show it in `place` now; if so, it counts as shown */
  tryShow(place: string): boolean {
    const now = this.#clock.monotonic()
    if (now - (this.#shown.get(place) ?? -Infinity) < this.#intervalMs) return false
    remember(this.#shown, place, now, REMEMBERED_INDICATORS)
    return true
  }
}
