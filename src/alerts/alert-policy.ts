import { HOUR, MINUTE, SECOND } from '../support/clock.ts'

/**
 * How long an incident lasts before the operator is alerted, in milliseconds; null = never.
 *
 * Alert at once if only a person can fix it. Nobody can do anything about a provider's own
 * outage, so alert only if it is long. A usage limit is not a fault.
 */
export function alertAfter(status: string): number | null {
  switch (status) {
    case 'usage-limited':
      return null
    case 'provider-unavailable':
      return LONG_PROVIDER_OUTAGE_MS
    default:
      return 0
  }
}

/** Overloads of a few minutes are common and pass. */
const LONG_PROVIDER_OUTAGE_MS = 10 * MINUTE

/** When the operator is reminded, counted from the first alert: often enough to be noticed, too seldom to be muted. */
export const REMINDERS_MS: readonly number[] = [HOUR, 6 * HOUR, 24 * HOUR]

/** How long one route may take before the next one is tried. Two routes fit into the ten seconds of an alert. */
export const ROUTE_TIMEOUT_MS = 4 * SECOND

/** After every route failed, all are retried: soon at first, then less often. */
export const ALERT_BACKOFF = { initialMs: 5 * SECOND, maxMs: 5 * MINUTE } as const

/** An alert that no route delivered within this time is dropped; the incident's next one is still sent. */
export const ALERT_GIVE_UP_MS = 24 * HOUR

/** How long the closing message waits for what was held to be answered. */
export const DRAIN_WAIT_MS = 30 * MINUTE
