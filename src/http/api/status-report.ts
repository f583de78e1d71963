import type { RouteStatus } from '../../alerts/alert.ts'
import type { Incident, IncidentEvent } from '../../alerts/incident.ts'
import type { AuthStatus } from '../../credentials/keeper/status.ts'
import type { FleetMember } from '../../inbox/fleet/fleet.ts'
import type { WaitingCounts } from '../../inbox/inbox.ts'
import type { StoredMessage } from '../../inbox/message.ts'
import { isoTime } from '../../support/clock.ts'
import type { Readiness } from './services.ts'

/** A platform's connection, as the channel tells it. */
interface ChannelStatus {
  readonly channel: string
  readonly state: 'starting' | 'connected' | 'retrying' | 'failed' | 'stopped' | 'standby'
  readonly problem: string | null
  readonly since: number
  readonly account: string | null
}

/** What `GET /api/status` and `hermes status --json` print. Times are ISO 8601 in UTC. */
export interface StatusReport {
  readonly gateway: GatewayReport
  /** As `hermes auth status --json`. */
  readonly credential: AuthStatus
  readonly channels: ReadonlyArray<Dated<ChannelStatus, 'since'>>
  readonly queue: Dated<WaitingCounts, 'oldestAt'>
  /** The outage that is going on; null = none. */
  readonly incident: IncidentItem | null
  readonly alerts: ReadonlyArray<Dated<RouteStatus, 'at'>>
  /** Sentences that the operator should read. */
  readonly warnings: readonly string[]
  /** The gateways on this database, this one included; only where there can be several. */
  readonly fleet?: ReadonlyArray<Dated<FleetMember, 'since'>>
}

/** `T` with some of its times in ISO 8601 instead of milliseconds. */
type Dated<T, Keys extends keyof T> = {
  readonly [Key in keyof T]: Key extends Keys ? IsoTime<T[Key]> : T[Key]
}
type IsoTime<T> = null extends T ? string | null : string

export type IncidentItem = Dated<Omit<Incident, 'events'>, 'openedAt' | 'closedAt'> & {
  readonly events: ReadonlyArray<Dated<IncidentEvent, 'at'>>
}

export interface GatewayReport {
  readonly running: boolean
  readonly version: string
  readonly pid: number | null
  readonly url: string | null
  readonly startedAt: string | null
  readonly sandbox: boolean
  /** As `GET /readyz`; `stopped` where no gateway runs. */
  readonly status: string
  readonly reason: string | null
}

export interface StatusParts {
  readonly gateway: Omit<GatewayReport, 'status' | 'reason'>
  readonly readiness: Readiness | null
  readonly credential: AuthStatus
  readonly channels: readonly ChannelStatus[]
  readonly counts: WaitingCounts
  readonly incident: Incident | null
  readonly routes: readonly RouteStatus[]
  readonly warnings: readonly string[]
  readonly fleet?: readonly FleetMember[] | null
}

/** Puts the report together. Pure. */
export function statusReport(parts: StatusParts): StatusReport {
  const { gateway, readiness, credential, channels, counts, incident, routes, warnings, fleet } = parts
  return {
    gateway: {
      ...gateway,
      status: readiness === null ? 'stopped' : readiness.ready ? 'ready' : readiness.status,
      reason: readiness === null || readiness.ready ? null : readiness.reason,
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

/** A message of the queue as `hermes queue list --json` and `/api/queue` print it: never its text. */
export function queueItem(message: StoredMessage): object {
  return {
    id: message.id,
    conversation: message.conversationId,
    state: message.state,
    reason: message.reason,
    at: isoTime(message.at),
  }
}
