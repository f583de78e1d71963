import type { AuthStatus } from '../../credentials/keeper/status.ts'
import type { CredentialTimeline } from '../../credentials/timeline.ts'
import type { FigureRecorder } from '../../inbox/figures/figure-recorder.ts'
import { readSeries } from '../../inbox/figures/figure-series.ts'
import type { Figures } from '../../inbox/figures/figures.ts'
import type { Inbox } from '../../inbox/inbox.ts'
import type { Clock } from '../../support/clock.ts'
import type { CacheRecord } from '../../usage/cache-record.ts'
import type { Changes } from '../streams/changes.ts'
import { cacheReport } from './cache-report.ts'
import type { DashboardService, SandboxPanel } from './services.ts'
import { timelineReport } from './timeline-report.ts'

export interface DashboardParts {
  readonly inbox: Pick<Inbox, 'message'>
  readonly figures: Figures
  readonly recorder: FigureRecorder
  readonly timeline: CredentialTimeline
  readonly keeper: { snapshot(): AuthStatus; readonly plannedRefreshAt: number | null }
  readonly cacheRecord: Pick<CacheRecord, 'figures'>
  readonly changes: Changes
  /** The state of channels and alert routes. */
  readonly connections: () => unknown
  readonly clock: Clock
  /** null: not a sandbox, so there are no provider controls. */
  readonly sandbox: SandboxPanel | null
}

/** The dashboard's services, built from the gateway's parts. */
export function createDashboard(parts: DashboardParts): DashboardService {
  const { inbox, figures, recorder, timeline, keeper, cacheRecord, changes, clock, sandbox } = parts
  return {
    changes,
    sandbox,
    connections: () => JSON.stringify(parts.connections()),
    figures: (query) => readSeries(figures, recorder, query),
    timeline: () => timelineReport(timeline.events, keeper.snapshot(), keeper.plannedRefreshAt, clock.now()),
    cache: (since) => cacheReport(cacheRecord.figures(since)),
    text: async (id) => (await inbox.message(id))?.text ?? null,
  }
}
