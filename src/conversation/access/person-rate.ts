import { MINUTE } from '../../support/clock.ts'

/** One polite refusal a minute; the rest of a flood is turned away without a word. */
const REFUSAL_EVERY_MS = MINUTE
/** Somebody who has much to say at once has this many minutes' worth. */
const BURST_MINUTES = 3
/** Persons remembered; the one who was silent longest is forgotten first, and by then has a full bucket again. */
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

  /** The message was not stored and will come again. */
  refund(person: string): void {
    const bucket = this.#buckets.get(person)
    if (bucket) bucket.tokens = Math.min(this.#capacity, bucket.tokens + 1)
  }
}
