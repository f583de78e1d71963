import { HOUR, SECOND, type Clock } from '../../../support/clock.ts'

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
