import { Hono } from 'hono'
import type { Clock } from '../support/clock.ts'
import type { Log } from '../support/log.ts'
import type { Auth } from './access/auth.ts'
import type { HostCheck } from './access/host-check.ts'
import type { TokenList } from './access/token-list.ts'
import { expectedProblem, HttpProblem, problem, type Env } from './answers.ts'
import { addAccessRoutes, addLoginRoutes, addOperatorRoutes } from './api/api.ts'
import { addConversationRoutes } from './api/conversations-api.ts'
import { addDashboardRoutes } from './api/dashboard-api.ts'
import type { ApiServices } from './api/services.ts'
import { addUsageRoutes } from './api/usage-api.ts'
import { addHealthRoutes, PROBE_PATHS } from './metrics/health.ts'
import type { Metrics } from './metrics/metrics.ts'
import { openAiProblem, speaksOpenAi } from './openai/problem.ts'
import { Page } from './page/page.ts'
import { Routes, type Endpoint } from './routes.ts'
import { addEventRoutes } from './streams/events.ts'
import type { Streams } from './streams/sse.ts'

export interface AppParts {
  readonly services: ApiServices
  readonly metrics: Metrics
  readonly auth: Auth
  readonly tokens: TokenList
  readonly hosts: HostCheck
  readonly streams: Streams
  /** Where this machine reaches the server. */
  readonly url: () => string
  /** A fresh one-use address of the page. */
  readonly pageAddress: () => string
  /** Where the build put the page. */
  readonly pageFolder: string
  /** Endpoints for other programs. */
  readonly endpoints: readonly Endpoint[]
  readonly clock: Clock
  readonly log: Log
}

export interface App {
  /** Handles one request. Never throws. */
  readonly fetch: (request: Request, env?: Env['Bindings']) => Response | Promise<Response>
  /** Ends the timers that the routes share, and fails the requests that are waiting for an answer. */
  close(): void
}

/** Composes all routes of the HTTP server. */
export function createApp(parts: AppParts): App {
  const { services, metrics, auth, tokens, hosts, clock, log } = parts
  const app = new Hono<Env>()
  const routes = new Routes(app, auth)

  addHealthRoutes(routes, services.readiness)
  routes.guarded('metrics', 'GET', '/metrics', async () => {
    const { contentType, body } = await metrics.text()
    return new Response(body, { headers: { 'Content-Type': contentType, 'Cache-Control': 'no-store' } })
  })
  addOperatorRoutes(routes, services, parts.url)
  addAccessRoutes(routes, {
    auth,
    tokens,
    streams: parts.streams,
    pageAddress: parts.pageAddress,
    now: () => clock.now(),
  })
  addLoginRoutes(routes, services)
  addDashboardRoutes(routes, services.dashboard, () => clock.now())
  addConversationRoutes(routes, services)
  const events = addEventRoutes(routes, services, parts.streams, clock)
  const endpoints = parts.endpoints.map((endpoint) =>
    endpoint({ routes, streams: parts.streams, clock, log }),
  )
  addUsageRoutes(
    routes,
    services.ledger,
    (since) => services.dashboard.cache(since),
    () => clock.now(),
  )
  new Page(parts.pageFolder).addRoutes(routes)

  const report = (path: string, found: HttpProblem) =>
    speaksOpenAi(path) ? openAiProblem(found) : problem(found)
  app.notFound((c) => report(c.req.path, routes.refuse(c)))
  app.onError((error, c) => {
    const expected = expectedProblem(error)
    if (expected) return report(c.req.path, expected)
    log.error({ err: error }, 'a request could not be answered')
    const internal = new HttpProblem(500, 'internal', 'Internal error. The log has the details.')
    return report(c.req.path, internal)
  })

  return {
    fetch(request, env = {}) {
      if (!hosts.isOurs(request.headers.get('host') ?? undefined) && !isProbe(request))
        return report(
          new URL(request.url).pathname,
          new HttpProblem(421, 'foreign-host', 'Unknown host name. Add it to gateway.public_urls.'),
        )
      return app.fetch(request, env)
    },
    close() {
      for (const endpoint of endpoints) endpoint.close()
      events.close()
    },
  }
}

/** The path exactly as sent: no other spelling of a probe bypasses the check. */
function isProbe(request: Request): boolean {
  const start = request.url.indexOf('/', request.url.indexOf('://') + 3)
  const query = request.url.indexOf('?', start)
  return PROBE_PATHS.has(request.url.slice(start, query < 0 ? undefined : query))
}
