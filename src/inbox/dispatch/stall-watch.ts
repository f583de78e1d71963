import { MINUTE, type Clock } from '../../support/clock.ts'

/** Longer than the longest answer takes from one sign of life to the next. */
const STALLED_AFTER_MS = 5 * MINUTE

/** False: a message that waits for this moment is meant to wait longer than anything that is forgotten, as a budget lets it. */
export function isSoon(at: number | null, now: number): boolean {
  return at !== null && at - now < STALLED_AFTER_MS
}

/** Detects that messages wait, should be answered and are not: a wedged client must not look healthy. */
export class StallWatch {
  readonly #clock: Clock
  /** Monotonic: since when there has been work without any message ending; null = there was no work. */
  #since: number | null = null

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** A message has ended. */
  progress(): void {
    this.#since = null
  }

  /** @param working messages wait or are being answered, and nothing known prevents it */
  stalled(working: boolean): boolean {
    const now = this.#clock.monotonic()
    if (!working) {
      this.#since = null
      return false
    }
    this.#since ??= now
    return now - this.#since >= STALLED_AFTER_MS
  }
}
