import { MINUTE } from '../../support/clock.ts'

/** One refusal a minute; the rest of a flood is dropped silently. */
const REFUSAL_EVERY_MS = MINUTE
/** The burst allowed, in minutes' worth of messages. */
const BURST_MINUTES = 3
/** People remembered; the longest idle is dropped first, and has a full bucket again by then. */
const MAX_PERSONS = 10_000

interface Bucket {
  tokens: number
  filledAt: number
  refusedAt: number
}

export type RateVerdict = 'pass' | 'refuse' | 'refuse-silently'

/**
 * How many messages a person may send: a token bucket each, so that a burst passes and
 * a flood does not. Times are monotonic milliseconds.
 */
export class PersonRate {
  readonly #perMinute: number
  readonly #buckets = new Map<string, Bucket>()

  constructor(perMinute: number) {
    this.#perMinute = perMinute
  }

  get #capacity(): number {
    return this.#perMinute * BURST_MINUTES
  }

  consume(person: string, now: number): RateVerdict {
    const full = { tokens: this.#capacity, filledAt: now, refusedAt: -Infinity }
    const bucket = this.#buckets.get(person) ?? full
    this.#buckets.delete(person)
    this.#buckets.set(person, bucket)
    if (this.#buckets.size > MAX_PERSONS) this.#buckets.delete(this.#buckets.keys().next().value!)
    const refill = ((now - bucket.filledAt) / MINUTE) * this.#perMinute
    bucket.tokens = Math.min(this.#capacity, bucket.tokens + refill)
    bucket.filledAt = now
    if (bucket.tokens >= 1) {
      bucket.tokens -= 1
      return 'pass'
    }
    if (now - bucket.refusedAt < REFUSAL_EVERY_MS) return 'refuse-silently'
    bucket.refusedAt = now
    return 'refuse'
  }

  /** The message was not stored and will be delivered again. */
  refund(person: string): void {
    const bucket = this.#buckets.get(person)
    if (bucket) bucket.tokens = Math.min(this.#capacity, bucket.tokens + 1)
  }
}
