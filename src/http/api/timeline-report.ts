import type { AuthStatus } from '../../credentials/keeper/status.ts'
import { isGoodRefresh, type TimelineEvent } from '../../credentials/timeline.ts'
import { isoTime } from '../../support/clock.ts'
import type { TimelineReport } from '../wire-reports.ts'

type TokenSpan = TimelineReport['tokens'][number]
type OutageSpan = TimelineReport['outages'][number]

/** Builds spans from single events. Pure. */
export function timelineReport(
  events: readonly TimelineEvent[],
  credential: Pick<AuthStatus, 'loginExpiresAt' | 'loginExpiryEstimated'>,
  plannedRefreshAt: number | null,
  now: number,
): TimelineReport {
  const first = events[0]
  return {
    now: isoTime(now),
    since: first ? isoTime(first.at) : null,
    plannedRefreshAt: plannedRefreshAt === null ? null : isoTime(plannedRefreshAt),
    loginExpiresAt: credential.loginExpiresAt,
    loginExpiryEstimated: credential.loginExpiryEstimated,
    tokens: tokensOf(events),
    refreshes: events.flatMap((event) =>
      event.kind === 'refresh'
        ? [{ at: isoTime(event.at), outcome: event.outcome, good: isGoodRefresh(event.outcome) }]
        : [],
    ),
    rejections: events.flatMap((event) =>
      event.kind === 'rejection'
        ? [{ at: isoTime(event.at), until: isoTime(event.until), count: event.count }]
        : [],
    ),
    outages: outagesOf(events),
    starts: events.flatMap((event) => (event.kind === 'started' ? [isoTime(event.at)] : [])),
  }
}

function tokensOf(events: readonly TimelineEvent[]): TokenSpan[] {
  const tokens = events.filter((event) => event.kind === 'token')
  return tokens.map(({ at, expiresAt, fingerprint, source }, index) => {
    const next = tokens[index + 1]?.at ?? Infinity
    const end = Math.min(expiresAt ?? Infinity, next)
    return { from: isoTime(at), to: end === Infinity ? null : isoTime(end), fingerprint, source }
  })
}

function outagesOf(events: readonly TimelineEvent[]): OutageSpan[] {
  const spans: Array<{ from: string; to: string | null; state: string; reason: string | null }> = []
  for (const event of events) {
    if (event.kind !== 'state') continue
    const open = spans.at(-1)
    const isOpen = open !== undefined && open.to === null
    if (event.usable && isOpen) open.to = isoTime(event.at)
    else if (!event.usable && isOpen) Object.assign(open, { state: event.state, reason: event.reason })
    else if (!event.usable)
      spans.push({ from: isoTime(event.at), to: null, state: event.state, reason: event.reason })
  }
  return spans
}
