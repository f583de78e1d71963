import type { RouteStatus } from '../../alerts/alert.ts'
import type { Incident } from '../../alerts/incident.ts'
import type { AuthStatus } from '../../credentials/keeper/status.ts'
import type { FleetMember } from '../../inbox/fleet/fleet.ts'
import { waitingCount, type Holding } from '../../inbox/gate/readiness.ts'
import type { WaitingCounts } from '../../inbox/inbox.ts'
import { isoTime } from '../../support/clock.ts'
import type { ChannelReport, GatewayReport, IncidentItem, StatusReport } from '../wire-reports.ts'
import type { Readiness } from './services.ts'

/** A platform's connection, as the channel reports it. */
type ChannelStatus = Omit<ChannelReport, 'since'> & { readonly since: number }

export interface StatusParts {
  readonly gateway: Omit<GatewayReport, 'status' | 'reason'>
  readonly readiness: Readiness | null
  readonly holding: Holding | null
  readonly credential: AuthStatus
  readonly channels: readonly ChannelStatus[]
  readonly counts: WaitingCounts
  readonly incident: Incident | null
  readonly routes: readonly RouteStatus[]
  readonly warnings: readonly string[]
  readonly fleet?: readonly FleetMember[] | null
}

/** What `GET /api/status` and `hermes status --json` print. Pure. */
export function statusReport(parts: StatusParts): StatusReport {
  const { gateway, readiness, holding, credential, channels, counts, incident, routes, warnings, fleet } =
    parts
  return {
    gateway: {
      ...gateway,
      status: readiness === null ? 'stopped' : readiness.ready ? 'ready' : readiness.status,
      reason: readiness === null || readiness.ready ? null : readiness.reason,
    },
    holding: holding && {
      status: holding.status,
      reason: holding.reason,
      since: isoTime(holding.since),
      nextTryAt: isoTime(holding.nextTryAt),
      waiting: waitingCount(counts, holding),
    },
    credential,
    channels: channels.map((channel) => ({ ...channel, since: isoTime(channel.since) })),
    queue: { ...counts, oldestAt: isoTime(counts.oldestAt) },
    incident: incident && incidentItem(incident),
    alerts: routes.map((route) => ({ ...route, at: isoTime(route.at) })),
    warnings,
    ...(fleet ? { fleet: fleet.map((member) => ({ ...member, since: isoTime(member.since) })) } : {}),
  }
}

/** An incident as `hermes incidents --json` and `/api/incidents` print it. */
export function incidentItem(incident: Incident): IncidentItem {
  return {
    ...incident,
    openedAt: isoTime(incident.openedAt),
    closedAt: isoTime(incident.closedAt),
    events: incident.events.map((event) => ({ ...event, at: isoTime(event.at) })),
  }
}
