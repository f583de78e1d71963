import { SECOND, sleep, type Clock } from '../../../support/clock.ts'
import { TransientError } from '../../../support/errors.ts'
import { TokenBucket, type BucketLimits } from './token-bucket.ts'

/** Shorter waits happen here; a longer one is returned to the outbox, which survives a restart. */
export const LONGEST_WAIT_MS = 2 * SECOND
/** Conversations remembered before the unused buckets are forgotten: a few hundred kilobytes. */
const REMEMBERED = 5_000

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
    if (this.#buckets.size >= REMEMBERED) {
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
