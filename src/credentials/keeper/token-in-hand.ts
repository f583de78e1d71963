import type { Clock } from '../../support/clock.ts'
import type { Held } from '../held.ts'
import { lifetimeOf, timeLeft, windowsOf, type Lifetime, type Windows } from './refresh-policy.ts'

/** One token's moments on this machine's clocks, drawn and anchored when it was taken over. */
export class TokenInHand {
  readonly held: Held
  readonly windows: Windows
  readonly #clock: Clock
  readonly #takenAt: number
  readonly #fromStore: boolean
  #life: Lifetime | null

  /**
   * @param fromStore false: issued just now, so its end was reckoned on this clock as it stands
   * @param random a number in [0, 1)
   */
  constructor(held: Held, clock: Clock, fromStore: boolean, random: number) {
    const now = clock.now()
    const times = {
      issuedAt: held.issuedAt,
      expiresAt: held.credential.expiresAt,
      borrowed: held.renewal?.borrowed ?? false,
    }
    this.held = held
    this.#clock = clock
    this.#fromStore = fromStore
    this.#takenAt = clock.monotonic()
    this.windows = windowsOf(times, now, random)
    this.#life = lifetimeOf(times, this.windows, now, this.#takenAt)
  }

  /** Milliseconds that are left; Infinity when its end is unknown. */
  left(): number {
    return timeLeft(this.#life, this.#clock.now(), this.#clock.monotonic())
  }

  get isOver(): boolean {
    return this.left() <= 0
  }

  /** Taken over so lately that a rejection says something about the provider and not about the token. */
  get isFresh(): boolean {
    return this.#clock.monotonic() - this.#takenAt < this.windows.freshForMs
  }

  /**
   * The server's clock shows another time than ours. Only a token that was read from a
   * file can be wrong by it, and only one that should be over already is given up: at
   * worst one refresh too many.
   *
   * @returns true when the token is over by it
   */
  noticeServerTime(serverNow: number): boolean {
    const life = this.#life
    if (!this.#fromStore || life === null || serverNow <= life.expiresAt || this.isOver) return false
    this.#life = { ...life, monotonicEnd: this.#clock.monotonic() }
    return true
  }
}
