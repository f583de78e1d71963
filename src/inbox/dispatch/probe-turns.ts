import { SECOND, type Clock } from '../../support/clock.ts'
import type { ConversationId } from '../message.ts'

/**
 * A probe that is not over by then may be one that hangs, or a long answer: another conversation probes as well.
 * Longer than a usual answer takes.
 */
const PROBE_TAKES_MS = 15 * SECOND

/** The conversations that find out, one after the other, whether an outage has ended. */
export class ProbeTurns {
  readonly #clock: Clock
  #latest: { readonly id: ConversationId; readonly at: number } | null = null

  constructor(clock: Clock) {
    this.#clock = clock
  }

  begin(id: ConversationId): void {
    this.#latest = { id, at: this.#clock.monotonic() }
  }

  /** The turn of a conversation is over, whether or not it was a probe. */
  end(id: ConversationId): void {
    if (this.#latest?.id === id) this.#latest = null
  }

  /** How long the next probe still waits for the one before, in milliseconds. */
  get wait(): number {
    return this.#latest ? Math.max(0, this.#latest.at + PROBE_TAKES_MS - this.#clock.monotonic()) : 0
  }
}
