import { HOUR, MINUTE, type Clock } from '../../support/clock.ts'
import type { ManagedCredential } from '../credential.ts'

/** What Anthropic's access tokens lived in 2026; used only where a token does not say when it ends, or has ended. */
export const ASSUMED_LIFE_MS = 8 * HOUR

/** The gateway's own sign-in is refreshed after this share of a token's life: a third is left to outlast a broken endpoint. */
const OWN_REFRESH_SHARE = 2 / 3
/** Chance moves that moment by this share, so that many gateways do not come at once. */
const OWN_REFRESH_JITTER = 0.1

/** Another program owns a borrowed sign-in and mostly refreshes it itself: step in only near the end. */
const BORROWED_LEAD_MS = 15 * MINUTE
const BORROWED_LEAD_SHARE = 1 / 3

/** Requests wait for a running refresh only this near the end, where the token may die on its way. */
const WAIT_LEAD_MS = 5 * MINUTE
const WAIT_LEAD_SHARE = 1 / 6

/** A token this young that was never accepted is what the provider gives at present; another would be no better. */
const FRESH_MS = MINUTE
const FRESH_SHARE = 1 / 6

/** The moments of the active credential's token on this machine's clocks, drawn and anchored when it was adopted. */
export class TokenClock {
  readonly credential: ManagedCredential
  readonly windows: Windows
  readonly #clock: Clock
  readonly #adoptedAt: number
  readonly #fromStore: boolean
  #life: Lifetime | null

  /**
   * @param fromStore false: issued just now, so its end was computed on this clock as it stands
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

export interface TokenTimes {
  /** Epoch milliseconds; null = unknown. */
  readonly issuedAt: number | null
  readonly expiresAt: number | null
  /** Another program owns the sign-in. */
  readonly borrowed: boolean
}

/** The moments of one token, as milliseconds that are left of its life. */
export interface Windows {
  readonly lengthMs: number
  /** Refreshed ahead of time from here on. */
  readonly refreshWhenLeft: number
  /** Running requests wait for the refresh from here on. */
  readonly waitWhenLeft: number
  /** Younger than this, a token counts as fresh. */
  readonly freshForMs: number
}

/** @param random a number in [0, 1), drawn once a token */
export function windowsOf(token: TokenTimes, now: number, random: number): Windows {
  const lengthMs = lengthOf(token, now)
  const share = OWN_REFRESH_SHARE * (1 - OWN_REFRESH_JITTER + 2 * OWN_REFRESH_JITTER * random)
  return {
    lengthMs,
    refreshWhenLeft: token.borrowed
      ? Math.min(BORROWED_LEAD_MS, lengthMs * BORROWED_LEAD_SHARE)
      : lengthMs * (1 - share),
    waitWhenLeft: Math.min(WAIT_LEAD_MS, lengthMs * WAIT_LEAD_SHARE),
    freshForMs: Math.min(FRESH_MS, lengthMs * FRESH_SHARE),
  }
}

function lengthOf({ issuedAt, expiresAt }: TokenTimes, now: number): number {
  if (expiresAt === null) return ASSUMED_LIFE_MS
  if (issuedAt !== null && expiresAt > issuedAt) return expiresAt - issuedAt
  // Taken for longer than it is, a short life would begin inside its own refresh window, and so would each next one.
  return expiresAt > now ? expiresAt - now : ASSUMED_LIFE_MS
}

/**
 * What a token's two clocks say at the moment it was adopted. The wall clock
 * counts a suspend and may be set wrong; the monotonic one does neither. A token
 * lives only as long as both agree.
 */
export interface Lifetime {
  readonly expiresAt: number
  readonly monotonicEnd: number
}

/** @returns null when the token does not say when it ends */
export function lifetimeOf(
  token: TokenTimes,
  windows: Windows,
  now: number,
  monotonic: number,
): Lifetime | null {
  if (token.expiresAt === null) return null
  // More life than a token ever had means that the wall clock was set back since it was issued.
  const left = Math.min(token.expiresAt - now, windows.lengthMs)
  return { expiresAt: token.expiresAt, monotonicEnd: monotonic + left }
}

/** Milliseconds that are left, negative when it has ended; Infinity when the end is unknown. */
export function timeLeft(life: Lifetime | null, now: number, monotonic: number): number {
  if (life === null) return Infinity
  return Math.min(life.expiresAt - now, life.monotonicEnd - monotonic)
}
