import { HOUR, MINUTE, SECOND } from '../support/clock.ts'

/**
 * How long an incident lasts before the operator is told, in milliseconds; null = never.
 *
 * What only a person can mend is told at once. A provider's own outage mends itself, and
 * nobody can do anything about it: it is told when it is long. A usage limit is no fault.
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

/** Overloads of minutes are common and end by themselves. */
const LONG_PROVIDER_OUTAGE_MS = 10 * MINUTE

/** When the operator is reminded, counted from the first alert: often enough to be noticed, too seldom to be muted. */
export const REMINDERS_MS: readonly number[] = [HOUR, 6 * HOUR, 24 * HOUR]

/** How long one route may take before the next one is tried. Two routes fit into the ten seconds of an alert. */
export const ROUTE_TIMEOUT_MS = 4 * SECOND

/** When no route took an alert, all are tried again: soon at first, then patiently. */
export const ALERT_BACKOFF = { initialMs: 5 * SECOND, maxMs: 5 * MINUTE } as const

/** An alert that no route has taken for this long is given up; the incident's next one will be tried. */
export const ALERT_GIVE_UP_MS = 24 * HOUR

/** How long the closing message waits for what was held to be answered. */
export const DRAIN_WAIT_MS = 30 * MINUTE
