import { call, post, type MessageState } from '../api.ts'

/** What the dashboard reads. Times are ISO 8601. */
export interface StatusReport {
  readonly gateway: {
    readonly version: string
    readonly startedAt: string | null
    readonly sandbox: boolean
    readonly status: string
    readonly reason: string | null
  }
  readonly credential: Credential
  readonly channels: ReadonlyArray<{
    readonly channel: string
    readonly state: 'starting' | 'connected' | 'retrying' | 'failed' | 'stopped' | 'standby'
    readonly problem: string | null
    readonly since: string
    readonly account: string | null
  }>
  readonly queue: {
    readonly received: number
    readonly answering: number
    readonly held: number
    readonly parked: number
    readonly oldestAt: string | null
  }
  readonly incident: Incident | null
  readonly alerts: ReadonlyArray<{
    readonly route: string
    readonly working: boolean | null
    readonly problem: string | null
    readonly at: string | null
  }>
  readonly warnings: readonly string[]
}

export interface Credential {
  readonly state: string
  readonly reason: string | null
  readonly source: string | null
  readonly kind: 'api-key' | 'oauth' | 'command' | 'profile' | null
  readonly renewable: boolean
  readonly fingerprint: string | null
  readonly expiresAt: string | null
  readonly loginExpiresAt: string | null
  readonly loginExpiryEstimated: boolean
  readonly lastRefresh: { readonly at: string; readonly outcome: string } | null
  readonly nextAttemptAt: string | null
}

export interface Incident {
  readonly id: string
  readonly status: string
  readonly reason: string | null
  readonly openedAt: string
  readonly closedAt: string | null
  readonly counts: {
    readonly held: number
    readonly answered: number
    readonly refused: number
    readonly parked: number
  }
  readonly events: ReadonlyArray<{
    readonly at: string
    readonly kind: 'opened' | 'changed' | 'alert' | 'recovered' | 'closed'
    readonly text: string
  }>
}

export interface QueueEntry {
  readonly id: string
  readonly conversation: string
  readonly state: MessageState
  readonly reason: string | null
  readonly at: string
}

export interface Timeline {
  readonly now: string
  readonly since: string | null
  readonly plannedRefreshAt: string | null
  readonly loginExpiresAt: string | null
  readonly loginExpiryEstimated: boolean
  readonly tokens: ReadonlyArray<{
    from: string
    to: string | null
    fingerprint: string
    source: string | null
  }>
  readonly refreshes: ReadonlyArray<{ readonly at: string; readonly outcome: string; readonly good: boolean }>
  readonly rejections: ReadonlyArray<{ readonly at: string; readonly until: string; readonly count: number }>
  readonly outages: ReadonlyArray<{ from: string; to: string | null; state: string; reason: string | null }>
  readonly starts: readonly string[]
}

export type Values = ReadonlyArray<number | null>

export interface Figures {
  readonly from: string
  readonly stepSeconds: number
  readonly values: Readonly<Record<string, Values>>
}

export interface SandboxState {
  readonly faults: ReadonlyArray<{
    readonly fault: { readonly target: string; readonly fault: string }
    readonly struck: number
    /** Epoch milliseconds. */
    readonly until: number | null
  }>
  readonly liveAccessTokens: number
  readonly tokenLifetimeSeconds: number
}

export const readStatus = (): Promise<StatusReport> => call('GET', '/api/status')

export const readIncidents = async (): Promise<readonly Incident[]> =>
  (await call<{ items: Incident[] }>('GET', '/api/incidents')).items

export const readQueue = async (): Promise<readonly QueueEntry[]> =>
  (await call<{ items: QueueEntry[] }>('GET', '/api/queue')).items

export const readText = async (id: string): Promise<string> =>
  (await call<{ text: string }>('GET', `/api/queue/${encodeURIComponent(id)}/text`)).text

export const retryMessage = (id: string): Promise<unknown> =>
  post(`/api/queue/${encodeURIComponent(id)}/retry`, {})

export const retryAll = (): Promise<{ retried: number }> => post('/api/queue/retry-all', {})

export const dropMessage = (id: string): Promise<unknown> =>
  post(`/api/queue/${encodeURIComponent(id)}/drop`, {})

export const readTimeline = (): Promise<Timeline> => call('GET', '/api/credential/timeline')

export const readFigures = (from: number, to: number): Promise<Figures> =>
  call('GET', `/api/figures?from=${new Date(from).toISOString()}&to=${new Date(to).toISOString()}`)

export const readSandbox = (): Promise<SandboxState> => call('GET', '/api/sandbox')

export const actOnSandbox = (action: string, body: object = {}): Promise<unknown> =>
  post(`/api/sandbox/${action}`, body)

export const signInWithKey = (key: string): Promise<{ fingerprint: string; note: string | null }> =>
  post('/api/login/api-key', { key })
