import { SECOND } from '../../support/clock.ts'

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
