import type { Clock } from '../../../support/clock.ts'
import { Pacer, TokenBucket, type BucketLimits } from '../../kit/send/pacer.ts'

/**
 * Our own rate limits, set to what Slack allows, so that its 429 stays rare.
 *
 * @see https://docs.slack.dev/apis/web-api/rate-limits
 */
export interface PacingLimits {
  /** One message a second into one conversation, with short bursts. */
  readonly posts: BucketLimits
  /** Some fifty edits a minute over the whole workspace. */
  readonly edits: BucketLimits
}

const DEFAULT_PACING: PacingLimits = {
  posts: { burst: 10, perSecond: 1 },
  edits: { burst: 40, perSecond: 50 / 60 },
}

/**
 * Slack takes some twenty removals of reactions a minute over the whole workspace, and more additions, of which
 * each is removed again.
 */
const REACTIONS: BucketLimits = { burst: 10, perSecond: 20 / 60 }

/** The share of the edits that drafts leave for finished texts. */
const DRAFT_RESERVE = 0.25

/** Paces posts and edits: never faster than the limits, never while Slack asks us to wait. */
export class Pacing {
  readonly #posts: Pacer<string>
  readonly #edits: TokenBucket
  readonly #reactions: TokenBucket

  constructor(clock: Clock, limits: PacingLimits = DEFAULT_PACING) {
    this.#posts = new Pacer(clock, () => limits.posts)
    this.#edits = new TokenBucket(limits.edits, clock)
    this.#reactions = new TokenBucket(REACTIONS, clock)
  }

  /** Resolves when a message may be posted into the conversation, or (null) one be edited. Throws as `shortWait` does. */
  turn(channel: string | null, signal: AbortSignal): Promise<void> {
    return this.#posts.turn([this.#bucketOf(channel)], signal)
  }

  /** May a draft be shown now? Never waits, and leaves a part to finished texts. */
  tryDraft(): boolean {
    return this.#posts.tryTurn([this.#edits], DRAFT_RESERVE)
  }

  /** May a reaction be changed in the conversation now? Never waits, and only where a message could be posted. */
  tryReaction(channel: string): boolean {
    if (this.#posts.bucketOf(channel).waitMs() > 0) return false
    return this.#posts.tryTurn([this.#reactions], 0)
  }

  /** Slack asked to post nothing there, or (null) to edit nothing, for `ms`. */
  block(channel: string | null, ms: number): void {
    this.#bucketOf(channel).close(ms)
  }

  #bucketOf(channel: string | null): TokenBucket {
    return channel === null ? this.#edits : this.#posts.bucketOf(channel)
  }
}
