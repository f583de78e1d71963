import type { Clock } from '../../../support/clock.ts'
import { remember } from '../remember.ts'

/** Conversations whose indicator is remembered. */
const REMEMBERED = 1_000

/** Skips requests while a platform still shows the previous typing indicator. */
export class TypingPace {
  readonly #clock: Clock
  readonly #intervalMs: number
  /** When it was shown last, by place, the one shown most recently at the end. */
  readonly #shown = new Map<string, number>()

  /** @param intervalMs somewhat less than the platform shows the indicator, in milliseconds */
  constructor(clock: Clock, intervalMs: number) {
    this.#clock = clock
    this.#intervalMs = intervalMs
  }

  /** @returns whether to show it in `place` now; if so, it counts as shown */
  tryShow(place: string): boolean {
    const now = this.#clock.monotonic()
    if (now - (this.#shown.get(place) ?? -Infinity) < this.#intervalMs) return false
    remember(this.#shown, place, now, REMEMBERED)
    return true
  }
}
