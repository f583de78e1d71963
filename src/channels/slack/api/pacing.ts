import { MINUTE, SECOND, sleep, type Clock } from '../../../support/clock.ts'
import { TransientError } from '../../../support/errors.ts'

/**
 * How fast we talk, kept at what Slack allows, so that its 429 stays rare.
 *
 * @see https://docs.slack.dev/apis/web-api/rate-limits
 */
export interface PacingLimits {
  /** One message a second into one conversation, with short bursts. */
  readonly posts: BucketLimits
  /** Some fifty edits a minute over the whole workspace. */
  readonly edits: BucketLimits
}

interface BucketLimits {
  readonly burst: number
  readonly perSecond: number
}

export const DEFAULT_PACING: PacingLimits = {
  posts: { burst: 10, perSecond: 1 },
  edits: { burst: 40, perSecond: 50 / 60 },
}

/** A wait up to this long is sat out here; a longer one goes back to the outbox, which remembers it over a restart. */
const LONGEST_WAIT_MS = 2 * SECOND
/** The share of the edits that drafts leave for finished texts. */
const DRAFT_RESERVE = 0.25
/** Conversations remembered before the full buckets are forgotten. */
const REMEMBERED = 5_000
/** Nobody is asked to wait longer than an hour; a greater wait is asked for again then. */
const LONGEST_BLOCK_MS = 60 * MINUTE

/** Hands out the right to send and to edit: never faster than the limits, and never while Slack told us to wait. */
export class Pacing {
  readonly #clock: Clock
  readonly #limits: PacingLimits
  readonly #posts = new Map<string, Bucket>()
  readonly #edits: Bucket

  constructor(clock: Clock, limits: PacingLimits = DEFAULT_PACING) {
    this.#clock = clock
    this.#limits = limits
    this.#edits = new Bucket(limits.edits, clock.monotonic())
  }

  /**
   * Resolves when a message may be posted into the conversation, or (null) one be edited.
   *
   * @throws TransientError when that is more than a few seconds away; the signal's reason when aborted
   */
  async turn(channel: string | null, signal: AbortSignal): Promise<void> {
    const bucket = this.#bucket(channel)
    for (;;) {
      const waitMs = bucket.wait(this.#clock.monotonic(), 0)
      if (waitMs === 0) return bucket.take()
      if (waitMs > LONGEST_WAIT_MS) throw new TransientError('sending too fast', waitMs, 'rate-limited')
      await sleep(this.#clock, waitMs, signal)
    }
  }

  /** May a draft be shown now? Never waits, and leaves a part to finished texts. */
  tryDraft(): boolean {
    if (this.#edits.wait(this.#clock.monotonic(), DRAFT_RESERVE) > 0) return false
    this.#edits.take()
    return true
  }

  /** Slack asked to post nothing there, or (null) to edit nothing, for `ms`. */
  block(channel: string | null, ms: number): void {
    this.#bucket(channel).block(this.#clock.monotonic() + Math.min(ms, LONGEST_BLOCK_MS))
  }

  #bucket(channel: string | null): Bucket {
    if (channel === null) return this.#edits
    let bucket = this.#posts.get(channel)
    if (!bucket) {
      const now = this.#clock.monotonic()
      if (this.#posts.size >= REMEMBERED) {
        for (const [name, known] of this.#posts) if (known.isFull(now)) this.#posts.delete(name)
      }
      this.#posts.set(channel, (bucket = new Bucket(this.#limits.posts, now)))
    }
    return bucket
  }
}

/** A token bucket that can be closed for a time. */
class Bucket {
  readonly #limits: BucketLimits
  #tokens: number
  #at: number
  #closedUntil = 0

  constructor(limits: BucketLimits, now: number) {
    this.#limits = limits
    this.#tokens = limits.burst
    this.#at = now
  }

  /** Milliseconds until a token is there beyond the reserved share; call it before `take`. */
  wait(now: number, reserve: number): number {
    this.#refill(now)
    const missing = 1 + Math.floor(this.#limits.burst * reserve) - this.#tokens
    const refillMs = missing <= 0 ? 0 : Math.ceil((missing / this.#limits.perSecond) * SECOND)
    return Math.max(refillMs, Math.ceil(this.#closedUntil - now), 0)
  }

  take(): void {
    this.#tokens -= 1
  }

  block(until: number): void {
    this.#closedUntil = Math.max(this.#closedUntil, until)
  }

  isFull(now: number): boolean {
    this.#refill(now)
    return this.#tokens >= this.#limits.burst && this.#closedUntil <= now
  }

  #refill(now: number): void {
    const passed = (now - this.#at) / SECOND
    this.#tokens = Math.min(this.#limits.burst, this.#tokens + passed * this.#limits.perSecond)
    this.#at = now
  }
}
