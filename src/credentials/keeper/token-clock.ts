import type { Clock } from '../../support/clock.ts'
import type { ManagedCredential } from '../managed-credential.ts'
import { lifetimeOf, timeLeft, windowsOf, type Lifetime, type Windows } from './refresh-policy.ts'

/** The moments of the active credential's token on this machine's clocks, drawn and anchored when it was adopted. */
export class TokenClock {
  readonly credential: ManagedCredential
  readonly windows: Windows
  readonly #clock: Clock
  readonly #adoptedAt: number
  readonly #fromStore: boolean
  #life: Lifetime | null

  /**
   * @param fromStore false: issued just now, so its end was reckoned on this clock as it stands
   * @param random a number in [0, 1)
   */
  constructor(credential: ManagedCredential, clock: Clock, fromStore: boolean, random: number) {
    const now = clock.now()
    const times = {
      issuedAt: credential.issuedAt,
      expiresAt: credential.expiresAt,
      borrowed: credential.refreshSource?.borrowed ?? false,
    }
    this.credential = credential
    this.#clock = clock
    this.#fromStore = fromStore
    this.#adoptedAt = clock.monotonic()
    this.windows = windowsOf(times, now, random)
    this.#life = lifetimeOf(times, this.windows, now, this.#adoptedAt)
  }

  /** Milliseconds that are left; Infinity when its end is unknown. */
  left(): number {
    return timeLeft(this.#life, this.#clock.now(), this.#clock.monotonic())
  }

  get isOver(): boolean {
    return this.left() <= 0
  }

  /** Adopted so lately that a rejection says something about the provider and not about the token. */
  get isFresh(): boolean {
    return this.#clock.monotonic() - this.#adoptedAt < this.windows.freshForMs
  }

  /** From here on it is refreshed ahead of time. */
  get isRefreshDue(): boolean {
    return this.left() <= this.windows.refreshWhenLeft
  }

  /** So near its end that running requests wait for its refresh. */
  get isWaitDue(): boolean {
    return this.left() <= this.windows.waitWhenLeft
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
