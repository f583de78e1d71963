import { SERIES, type SeriesName } from '../../inbox/figures/figure-series.ts'
import { DAY, HOUR, MINUTE, isoTime } from '../../support/clock.ts'
import { badRequest, json, notFound, type RequestContext } from '../answers.ts'
import { MAX_SMALL_BODY, readJson } from '../body.ts'
import type { Routes } from '../routes.ts'
import type { FiguresReport, QueuedText, TimelineReport } from '../wire-reports.ts'
import type { SandboxActions, SandboxState } from '../wire.ts'
import type { DashboardService } from './services.ts'

/** Longer than figures are kept. */
const MAX_RANGE_MS = 400 * DAY

/** Routes of the dashboard alone, closed to narrower tokens. */
export function addDashboardRoutes(routes: Routes, dashboard: DashboardService, now: () => number): void {
  const { sandbox } = dashboard

  routes.guarded('all', 'GET', '/api/figures', async (c) => {
    const to = timeOf(c, 'to') ?? now()
    const from = timeOf(c, 'from') ?? to - HOUR
    if (!(to - from >= MINUTE && to - from <= MAX_RANGE_MS))
      throw badRequest('`from` must be a minute to 400 days before `to`.')
    const names = namesOf(c.req.query('names'))
    const { values, stepMs, from: first } = await dashboard.figures({ from, to, names })
    return json<FiguresReport>(200, {
      from: isoTime(first),
      stepSeconds: stepMs / 1_000,
      values,
    })
  })

  routes.guarded('all', 'GET', '/api/credential/timeline', () =>
    json<TimelineReport>(200, dashboard.timeline()),
  )

  routes.guarded('all', 'GET', '/api/queue/:id/text', async (c) => {
    const text = await dashboard.text(c.req.param('id') ?? '')
    if (text === null) throw notFound()
    return json<QueuedText>(200, { text })
  })

  if (!sandbox) return
  routes.guarded('all', 'GET', '/api/sandbox', () => json<SandboxState>(200, sandbox.state()))
  routes.guarded('all', 'POST', '/api/sandbox/:action', async (c) => {
    const body = await readJson(c, MAX_SMALL_BODY)
    const done = sandbox.act(c.req.param('action') ?? '', body)
    if (done === null) throw notFound()
    return json<SandboxActions[keyof SandboxActions]>(200, done)
  })
}

/** @throws HttpProblem 400 */
function timeOf(c: RequestContext, name: string): number | null {
  const text = c.req.query(name)
  if (text === undefined || text === '') return null
  const time = Date.parse(text)
  if (Number.isNaN(time)) throw badRequest(`\`${name}\` must be a time in ISO 8601.`)
  return time
}

/** @throws HttpProblem 400 */
function namesOf(text: string | undefined): readonly SeriesName[] {
  if (text === undefined || text === '') return SERIES
  return [...new Set(text.split(','))].map((name) => {
    const known = SERIES.find((series) => series === name)
    if (known === undefined) throw badRequest(`\`names\` is a list of: ${SERIES.join(', ')}.`)
    return known
  })
}
