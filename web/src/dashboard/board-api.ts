import type {
  FiguresReport,
  IncidentItem,
  QueueChange,
  QueuedText,
  QueueItem,
  RetriedAll,
  StatusReport,
  TimelineReport,
  UsageWithCache,
} from '../../../src/http/wire-reports.ts'
import type {
  List,
  SandboxAction,
  SandboxActions,
  SandboxState,
  SignInWithKey,
  StoredKey,
} from '../../../src/http/wire.ts'
import { call, post } from '../api.ts'

const queued = (id: string): string => `/api/queue/${encodeURIComponent(id)}`

export const readStatus = (): Promise<StatusReport> => call('GET', '/api/status')

export const readIncidents = async (): Promise<readonly IncidentItem[]> =>
  (await call<List<IncidentItem>>('GET', '/api/incidents')).items

export const readQueue = async (): Promise<readonly QueueItem[]> =>
  (await call<List<QueueItem>>('GET', '/api/queue')).items

export const readText = async (id: string): Promise<string> =>
  (await call<QueuedText>('GET', `${queued(id)}/text`)).text

export const retryMessage = (id: string): Promise<QueueChange> => post(`${queued(id)}/retry`, {})

export const retryAll = (): Promise<RetriedAll> => post('/api/queue/retry-all', {})

export const dropMessage = (id: string): Promise<QueueChange> => post(`${queued(id)}/drop`, {})

export const readTimeline = (): Promise<TimelineReport> => call('GET', '/api/credential/timeline')

export const readFigures = (from: number, to: number): Promise<FiguresReport> =>
  call('GET', `/api/figures?from=${new Date(from).toISOString()}&to=${new Date(to).toISOString()}`)

export const readUsage = (since: number, by: UsageWithCache['by']): Promise<UsageWithCache> =>
  call('GET', `/api/usage?since=${new Date(since).toISOString()}&by=${by}`)

export const readSandbox = (): Promise<SandboxState> => call('GET', '/api/sandbox')

export const actOnSandbox = <Action extends SandboxAction>(
  action: Action,
  body: object = {},
): Promise<SandboxActions[Action]> => post(`/api/sandbox/${action}`, body)

export const signInWithKey = (key: string): Promise<StoredKey> =>
  post<SignInWithKey, StoredKey>('/api/login/api-key', { key })
