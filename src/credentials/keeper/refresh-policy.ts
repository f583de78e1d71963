import { backoffDelay, type BackoffOptions } from '../../support/backoff.ts'
import { DAY, HOUR, MINUTE, SECOND } from '../../support/clock.ts'

/**
 * When a token is refreshed, who waits for it, and how long a failure is remembered.
 * Pure: every function takes what it needs as an argument, the time and chance included.
 */

/** What Anthropic's access tokens lived in 2026; used only where a token does not say when it was issued. */
export const ASSUMED_LIFE_MS = 8 * HOUR

/** An own sign-in is refreshed after this share of a token's life: a third is left to outlast a broken endpoint. */
const OWN_REFRESH_SHARE = 2 / 3
/** Chance moves that moment by this share, so that many gateways do not come at once. */
const OWN_REFRESH_JITTER = 0.1

/** Another program owns a borrowed sign-in and mostly refreshes it itself: step in only near the end. */
const BORROWED_LEAD_MS = 15 * MINUTE
const BORROWED_LEAD_SHARE = 1 / 3

/** Requests wait for a running refresh only this near the end, where the token may die on its way. */
const WAIT_LEAD_MS = 5 * MINUTE
const WAIT_LEAD_SHARE = 1 / 6

/** No request waits longer for a refresh; the message is held instead. Also the limit of a token request. */
export const MAX_WAIT_MS = 30 * SECOND

/** From the first failure to the longest pause between two refreshes: a hiccup ends at once, a long outage costs twelve requests an hour. */
export const REFRESH_BACKOFF: BackoffOptions = { initialMs: 5 * SECOND, maxMs: 5 * MINUTE }

/** Where only the provider can change something: cheap questions, ever rarer, at last hourly. */
const PROBE_BACKOFF: BackoffOptions = { initialMs: 5 * SECOND, maxMs: HOUR }

/** A server may ask for patience, not for a day's silence. */
export const MAX_RETRY_AFTER_MS = HOUR

/** A server that says "now" again and again is still asked no more often than this. */
const MIN_RETRY_MS = 5 * SECOND

/** A token this young that was never accepted is what the provider gives at present; another would be no better. */
const FRESH_MS = MINUTE
const FRESH_SHARE = 1 / 6

/** The days before its end at which the operator hears of the sign-in's end. */
const LOGIN_WARNING_DAYS = [7, 3, 1] as const
export type LoginWarningDays = (typeof LOGIN_WARNING_DAYS)[number]

/** How often everything is looked at again although no timer asked: catches suspends and changed clocks. */
export const HEARTBEAT_MS = MINUTE

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
  return Math.max(ASSUMED_LIFE_MS, expiresAt - now)
}

/**
 * What a token's two clocks say at the moment it was taken over. The wall clock
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

/** Milliseconds that are left, negative when it is over; Infinity when the end is unknown. */
export function timeLeft(life: Lifetime | null, now: number, monotonic: number): number {
  if (life === null) return Infinity
  return Math.min(life.expiresAt - now, life.monotonicEnd - monotonic)
}

/**
 * The pause after failed refresh number `attempt` (from 1), in milliseconds.
 *
 * @param retryAfterMs what the server asked for; null = nothing
 */
export function refreshDelay(attempt: number, retryAfterMs: number | null, random: number): number {
  if (retryAfterMs === null) return backoffDelay(attempt, REFRESH_BACKOFF, random)
  return Math.max(MIN_RETRY_MS, Math.min(MAX_RETRY_AFTER_MS, retryAfterMs))
}

/** The pause after failed probe number `attempt` (from 1), in milliseconds. */
export function probeDelay(attempt: number, random: number): number {
  return backoffDelay(attempt, PROBE_BACKOFF, random)
}

/**
 * The nearest warning that is due before the sign-in's end; null while it is further
 * away than a week, or over: an ended sign-in is an outage, not a warning.
 */
export function loginWarning(loginExpiresAt: number | null, now: number): LoginWarningDays | null {
  if (loginExpiresAt === null || loginExpiresAt <= now) return null
  const left = loginExpiresAt - now
  return LOGIN_WARNING_DAYS.findLast((days) => left <= days * DAY) ?? null
}
