import type { Clock } from '../../../support/clock.ts'
import { Pacer } from '../../kit/send/pacer.ts'
import { TokenBucket, type BucketLimits } from '../../kit/send/token-bucket.ts'
import { isGroup } from '../address.ts'

/**
 * Our own rate limits, a little below what Telegram allows, so that its 429 stays rare.
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

export const DEFAULT_PACING: PacingLimits = {
  chat: { burst: 20, perSecond: 1 },
  group: { burst: 10, perSecond: 20 / 60 },
  overall: { burst: 30, perSecond: 30 },
}

/** The share of a bucket that drafts leave for finished texts. */
const DRAFT_RESERVE = 0.5

/** Paces messages: never above the limits, never while Telegram asks us to wait. */
export class Pacing {
  readonly #chats: Pacer<number>
  readonly #overall: TokenBucket

  constructor(clock: Clock, limits: PacingLimits = DEFAULT_PACING) {
    this.#chats = new Pacer(clock, (chatId) => (isGroup(chatId) ? limits.group : limits.chat))
    this.#overall = new TokenBucket(limits.overall, clock)
  }

  /** Resolves when a message may be sent to the chat. Throws as `shortWait` does. */
  turn(chatId: number, signal: AbortSignal): Promise<void> {
    return this.#chats.turn([this.#chats.bucketOf(chatId), this.#overall], signal)
  }

  /** May a draft be shown now? Never waits, and leaves the better part to finished texts. */
  tryDraft(chatId: number): boolean {
    return this.#chats.tryTurn([this.#chats.bucketOf(chatId), this.#overall], DRAFT_RESERVE)
  }

  /** Is the chat free of a wait that Telegram asked for? */
  isOpen(chatId: number): boolean {
    return this.#chats.bucketOf(chatId).closedMs() === 0
  }

  /** Telegram asked us to leave the chat alone for `ms`. */
  block(chatId: number, ms: number): void {
    this.#chats.bucketOf(chatId).close(ms)
  }
}
