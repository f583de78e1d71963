import type { MessageState } from './wire.ts'

/**
 * What an operator reads over the HTTP API, as types alone: the status, the incidents and the queue as
 * the commands print them with --json, and what the dashboard draws. See `wire.ts`.
 */

/** ISO 8601 in UTC. */
type IsoTime = string

/** `GET /api/status` and `hermes status --json` */
export interface StatusReport {
  readonly gateway: GatewayReport
  /** What holds messages, from its first second on; null = nothing. */
  readonly holding: HoldingReport | null
  readonly credential: CredentialReport
  readonly channels: readonly ChannelReport[]
  readonly queue: QueueCounts
  /** The open outage; null = none. */
  readonly incident: IncidentItem | null
  readonly alerts: readonly AlertRouteReport[]
  /** Sentences that the operator should read. */
  readonly warnings: readonly string[]
  /** The gateways on this database, this one included; only where there can be several. */
  readonly fleet?: readonly FleetMemberReport[]
}

export interface GatewayReport {
  readonly running: boolean
  readonly version: string
  readonly pid: number | null
  readonly url: string | null
  readonly startedAt: IsoTime | null
  readonly sandbox: boolean
  /** As `GET /readyz`; `stopped` where no gateway runs. */
  readonly status: string
  readonly reason: string | null
}

/** Said at once, also while `/readyz` still waits for a short overload to end. */
export interface HoldingReport {
  readonly status: string
  readonly reason: string | null
  readonly since: IsoTime
  /** When messages are tried again; in the past: now. null = only an event ends it, such as a sign-in. */
  readonly nextTryAt: IsoTime | null
  /** Messages that wait because of it. */
  readonly waiting: number
}

/** As `hermes auth status --json`. */
export interface CredentialReport {
  readonly state:
    | 'healthy'
    | 'refreshing'
    | 'at-risk'
    | 'degraded'
    | 'needs-login'
    | 'not-permitted'
    | 'misconfigured'
  /** null when it is healthy, or refreshing a token that is still good. */
  readonly reason:
    | 'expired'
    | 'revoked'
    | 'lost-in-rotation'
    | 'absent'
    | 'unrenewable'
    | 'endpoint'
    | 'rate-limited'
    | 'network'
    | 'scope'
    | 'policy'
    | 'billing'
    | 'account'
    | 'store'
    | 'other-machine'
    | null
  readonly source:
    | 'own'
    | 'environment'
    | 'claude-code'
    | 'refresh-command'
    | 'profile'
    | 'fallback-api-key'
    | null
  readonly kind: 'api-key' | 'oauth' | 'command' | 'profile' | null
  readonly renewable: boolean
  /** The first 8 hex digits of the token's SHA-256. */
  readonly fingerprint: string | null
  readonly expiresAt: IsoTime | null
  /** Whole seconds, 0 when expired; null when unknown. */
  readonly secondsLeft: number | null
  readonly loginExpiresAt: IsoTime | null
  readonly loginExpiryEstimated: boolean
  readonly lastRefresh: { readonly at: IsoTime; readonly outcome: string } | null
  readonly nextAttemptAt: IsoTime | null
  readonly consecutive401: number
}

/** A platform's connection. */
export interface ChannelReport {
  readonly channel: string
  readonly state: 'starting' | 'connected' | 'retrying' | 'failed' | 'stopped' | 'standby'
  readonly problem: string | null
  readonly since: IsoTime
  readonly account: string | null
}

export interface QueueCounts {
  readonly received: number
  readonly answering: number
  readonly held: number
  readonly parked: number
  /** When the oldest waiting message was accepted; null = none is waiting. */
  readonly oldestAt: IsoTime | null
}

/** How the last use of an alert route went. */
export interface AlertRouteReport {
  readonly route: string
  /** null: not used and not checked yet. */
  readonly working: boolean | null
  readonly problem: string | null
  readonly at: IsoTime | null
}

export interface FleetMemberReport {
  readonly id: string
  readonly role: 'all' | 'ingress' | 'worker'
  readonly host: string
  readonly pid: number
  readonly version: string
  readonly since: IsoTime
  readonly holds: readonly string[]
}

/** `GET /api/incidents` and `hermes incidents --json`: one outage from start to end. */
export interface IncidentItem {
  readonly id: string
  /** What `/readyz` reported, the worst so far. */
  readonly status: string
  readonly reason: string | null
  /** The credential that did not work. */
  readonly credential?: Pick<CredentialReport, 'kind' | 'source'>
  readonly openedAt: IsoTime
  /** null: it is still open. */
  readonly closedAt: IsoTime | null
  readonly counts: {
    readonly held: number
    readonly answered: number
    readonly refused: number
    readonly parked: number
  }
  /** What happened, oldest first. */
  readonly events: ReadonlyArray<{
    readonly at: IsoTime
    readonly kind: 'opened' | 'changed' | 'alert' | 'recovered' | 'closed'
    readonly text: string
  }>
  readonly alertRounds: number
  readonly endTold?: boolean
  readonly alerted: boolean
}

/** `GET /api/queue` and `hermes queue list --json`: never its text. */
export interface QueueItem {
  readonly id: string
  readonly conversation: string
  readonly state: MessageState
  readonly reason: string | null
  readonly at: IsoTime
  /** What was parked before a message was made of it: the platform's own id of it. */
  readonly input?: string
}

/** `POST /api/queue/:id/retry` and `…/drop` */
export interface QueueChange {
  readonly id: string
  readonly state: MessageState
}

/** `POST /api/queue/retry-all` */
export interface RetriedAll {
  readonly retried: number
}

/** `GET /api/queue/:id/text` */
export interface QueuedText {
  readonly text: string
}

/** What the conversations have read from the provider's cache, since the start of the gateway at the earliest. */
export interface CacheReport {
  /** Of all tokens that were sent; null = nothing was sent. */
  readonly readShare: number | null
  /** The same, if each request had read what the request before it has left there. */
  readonly possibleShare: number | null
  /** Why less was read, what should not be first. */
  readonly reasons: ReadonlyArray<{
    readonly reason: string
    /** It has to be so, such as for the first request of a conversation. */
    readonly isExpected: boolean
    readonly requests: number
  }>
}

/** `GET /api/usage`, with what was read from the cache. */
export interface UsageWithCache extends UsageReport {
  readonly cache?: CacheReport
}

/** What can be drawn. */
export type SeriesName =
  | 'accepted'
  | 'answered'
  | 'refused'
  | 'parked'
  | 'refreshes'
  | 'refresh-failures'
  | 'rejections'
  | 'held'
  | 'time-p50'
  | 'time-p99'

/** One value a step; null where nothing was answered. */
export type SeriesValues = ReadonlyArray<number | null>

/** `GET /api/figures` */
export interface FiguresReport {
  /** The beginning of the first step. */
  readonly from: IsoTime
  readonly stepSeconds: number
  readonly values: Readonly<Partial<Record<SeriesName, SeriesValues>>>
}

/** `GET /api/credential/timeline`: the credential's life. */
export interface TimelineReport {
  readonly now: IsoTime
  /** Before this nothing is known. */
  readonly since: IsoTime | null
  readonly plannedRefreshAt: IsoTime | null
  readonly loginExpiresAt: IsoTime | null
  readonly loginExpiryEstimated: boolean
  /** Each token from its first use to its end or its successor, oldest first; `to` null: no end is known. */
  readonly tokens: ReadonlyArray<{
    readonly from: IsoTime
    readonly to: IsoTime | null
    readonly fingerprint: string
    readonly source: string | null
  }>
  readonly refreshes: ReadonlyArray<{
    readonly at: IsoTime
    readonly outcome: string
    readonly good: boolean
  }>
  readonly rejections: ReadonlyArray<{
    readonly at: IsoTime
    readonly until: IsoTime
    readonly count: number
  }>
  /** When there was no usable credential; `to` null: still so. */
  readonly outages: ReadonlyArray<{
    readonly from: IsoTime
    readonly to: IsoTime | null
    readonly state: string
    readonly reason: string | null
  }>
  readonly starts: readonly IsoTime[]
}

/** `GET /api/usage` and `hermes usage --json` */
export interface UsageReport {
  readonly since: IsoTime
  readonly by: 'day' | 'person' | 'conversation' | 'model' | 'tool'
  /** In the order of their keys. */
  readonly items: readonly UsageItem[]
  readonly total: UsageTotal
}

export interface UsageItem extends UsageTotal {
  /** A day in UTC, a person or conversation with its channel, a model, a tool; empty: none. */
  readonly key: string
}

export interface UsageTotal {
  readonly requests: number
  /** Without those read from the cache and written to it. */
  readonly inputTokens: number
  readonly outputTokens: number
  readonly cacheReadTokens: number
  readonly cacheWriteTokens: number
  /** At the prices of the API, of the requests whose cost is known; null = of none it is. */
  readonly costUsd: number | null
  /** Requests that `costUsd` leaves out. */
  readonly unknownCostRequests: number
  /** Requests whose cost is an estimate. */
  readonly estimatedRequests: number
  /** Requests that a subscription has paid: they are not billed at these prices. */
  readonly subscriptionRequests: number
}
