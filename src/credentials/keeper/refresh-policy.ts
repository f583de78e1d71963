import { backoffDelay, type BackoffOptions } from '../../support/backoff.ts'
import { DAY, HOUR, MINUTE, SECOND } from '../../support/clock.ts'
import type { RefreshOutcome } from '../sign-in.ts'
import type { KeeperRecord } from './record.ts'

/** How long a failure is remembered, and what is told ahead of time. Pure. */

/** No request waits longer for a refresh; the message is held instead. Also the limit of a token request. */
export const MAX_WAIT_MS = 30 * SECOND

/** From the first failure to the longest pause between two refreshes: a hiccup ends at once, a long outage costs twelve requests an hour. */
export const REFRESH_BACKOFF: BackoffOptions = { initialMs: 5 * SECOND, maxMs: 5 * MINUTE }

/** Where only the provider can change something: cheap questions, ever rarer, at last hourly. */
const PROBE_BACKOFF: BackoffOptions = { initialMs: 5 * SECOND, maxMs: HOUR }

/** A server may ask for a wait, not for a day's silence. */
export const MAX_RETRY_AFTER_MS = HOUR

/** A server that says "now" again and again is still asked no more often than this. */
const MIN_RETRY_MS = 5 * SECOND

/**
 * Two refreshes of one credential that nobody asked for are at least this far apart, whatever
 * the lives of its tokens look like: odd times or clocks must not become a storm of requests.
 * Shorter than the shortest life that is believed, so that no token ends over it.
 */
export const REFRESH_FLOOR_MS = 10 * SECOND

/** The days before its end at which the operator is warned of the sign-in's end. */
const LOGIN_WARNING_DAYS = [7, 3, 1] as const
export type LoginWarningDays = (typeof LOGIN_WARNING_DAYS)[number]

/** How often everything is checked again although no timer asked: catches suspends and changed clocks. */
export const HEARTBEAT_MS = MINUTE

/**
 * The pause after failed refresh number `attempt` (from 1), in milliseconds.
 *
 * @param retryAfterMs what the server asked for; null = nothing
 */
export function refreshDelay(attempt: number, retryAfterMs: number | null, random: number): number {
  if (retryAfterMs === null) return backoffDelay(attempt, REFRESH_BACKOFF, random)
  return Math.max(MIN_RETRY_MS, Math.min(MAX_RETRY_AFTER_MS, retryAfterMs))
}

/**
 * Milliseconds until the next refresh that nobody asked for may begin. A clock that was set
 * back lifts the floor once: the refresh that follows sets it again.
 *
 * @param lastRefresh how the last one ended, and when in epoch milliseconds
 */
export function refreshFloor(lastRefresh: KeeperRecord['lastRefresh'], now: number): number {
  if (lastRefresh === null || !ISSUING_OUTCOMES.has(lastRefresh.outcome) || lastRefresh.at > now) return 0
  return Math.max(0, lastRefresh.at + REFRESH_FLOOR_MS - now)
}

/** The outcomes of a refresh that asked for a token and got one; failures have their own pauses. */
const ISSUING_OUTCOMES: ReadonlySet<string> = new Set<RefreshOutcome['kind']>(['renewed', 'unsaved'])

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
