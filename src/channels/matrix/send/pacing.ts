import { sleep, type Clock, MINUTE, SECOND } from '../../../support/clock.ts'
import { TransientError } from '../../../support/errors.ts'

/** A wait up to this long is sat out here; a longer one goes back to the outbox, which remembers it over a restart. */
const LONGEST_WAIT_MS = 2 * SECOND
/** Nobody is asked to wait longer than an hour; what is longer is asked for again then. */
const LONGEST_BLOCK_MS = 60 * MINUTE
/**
 * Servers limit an account as a whole, each in its own way; Synapse by default to ten events and one
 * more every five seconds. Half of that is for drafts, the rest for what must arrive.
 */
const DRAFT_BURST = 5
const DRAFT_REFILL_MS = 10 * SECOND
/** After a refusal nothing is drafted for a while, so that finished texts find the room. */
const DRAFT_REST_MS = MINUTE

/** Hands out the right to send. Only what the server asks for holds up a finished text. */
export class Pacing {
  readonly #clock: Clock
  #blockedUntil = -Infinity
  #draftsRestUntil = -Infinity
  #drafts = DRAFT_BURST
  #refilledAt: number

  constructor(clock: Clock) {
    this.#clock = clock
    this.#refilledAt = clock.monotonic()
  }

  /**
   * Resolves when something may be sent.
   *
   * @throws TransientError when that is more than a few seconds away; the signal's reason when aborted
   */
  async turn(signal: AbortSignal): Promise<void> {
    for (;;) {
      const waitMs = this.#blockedFor()
      if (waitMs === 0) return
      if (waitMs > LONGEST_WAIT_MS) throw new TransientError('sending too fast', waitMs, 'rate-limited')
      await sleep(this.#clock, waitMs, signal)
    }
  }

  /** May a draft be shown now? Never waits. */
  tryDraft(): boolean {
    const now = this.#clock.monotonic()
    if (this.#blockedFor() > 0 || now < this.#draftsRestUntil) return false
    const refilled = (now - this.#refilledAt) / DRAFT_REFILL_MS
    this.#drafts = Math.min(DRAFT_BURST, this.#drafts + refilled)
    this.#refilledAt = now
    if (this.#drafts < 1) return false
    this.#drafts -= 1
    return true
  }

  /** Is the server free of a wait that it asked for? */
  isOpen(): boolean {
    return this.#blockedFor() === 0
  }

  /** The server asked for silence for `ms`. */
  block(ms: number): void {
    const now = this.#clock.monotonic()
    this.#blockedUntil = now + Math.min(ms, LONGEST_BLOCK_MS)
    this.#draftsRestUntil = this.#blockedUntil + DRAFT_REST_MS
  }

  #blockedFor(): number {
    return Math.max(0, Math.ceil(this.#blockedUntil - this.#clock.monotonic()))
  }
}
