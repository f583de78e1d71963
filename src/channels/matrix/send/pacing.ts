import { MINUTE, type Clock } from '../../../support/clock.ts'
import { shortWait, LONGEST_BLOCK_MS, TokenBucket } from '../../kit/send/pacer.ts'

/**
 * Servers limit an account as a whole, each in its own way; Synapse by default to ten events and one
 * more every five seconds. Half of that is for drafts, the rest for what must arrive.
 */
const DRAFTS = { burst: 5, perSecond: 1 / 10 }
/** The share of that which a new reaction leaves. */
const REACTION_RESERVE = 0.5
/** After a refusal no drafts are sent for a while, to leave room for final texts. */
const DRAFT_REST_MS = MINUTE

/** Paces messages. Only a wait that the server asks for delays a final text. */
export class Pacing {
  readonly #clock: Clock
  readonly #drafts: TokenBucket
  #blockedUntil = -Infinity

  constructor(clock: Clock) {
    this.#clock = clock
    this.#drafts = new TokenBucket(DRAFTS, clock)
  }

  /** Resolves when something may be sent. Throws as `shortWait` does. */
  async turn(signal: AbortSignal): Promise<void> {
    while (!this.isOpen()) await shortWait(this.#clock, this.#blockedMs(), signal)
  }

  /** May a draft be shown now? Never waits. */
  tryDraft(): boolean {
    if (this.#drafts.waitMs() > 0) return false
    this.#drafts.take()
    return true
  }

  /** May a reaction be changed now? It takes the room of drafts: showing one leaves them half of it. Never waits. */
  tryReaction(shown: boolean): boolean {
    if (this.#drafts.waitMs(shown ? REACTION_RESERVE : 0) > 0) return false
    this.#drafts.take()
    return true
  }

  /** Is the server free of a wait that it asked for? */
  isOpen(): boolean {
    return this.#blockedMs() === 0
  }

  /** The server asked us to send nothing for `ms`. */
  block(ms: number): void {
    const restMs = Math.min(ms, LONGEST_BLOCK_MS)
    this.#blockedUntil = this.#clock.monotonic() + restMs
    this.#drafts.close(restMs + DRAFT_REST_MS)
  }

  #blockedMs(): number {
    return Math.max(0, Math.ceil(this.#blockedUntil - this.#clock.monotonic()))
  }
}
