import { hostname } from 'node:os'
import type { RouteStatus } from '../alerts/alert.ts'
import { Alerter } from '../alerts/alerter.ts'
import { applyNetworkSettings } from '../config/network.ts'
import { loadSettings, type Settings } from '../config/settings.ts'
import { isoTime, systemClock } from '../support/clock.ts'
import { alertRoutes } from './alert-routes.ts'
import { EXIT, type ExitCode, type GlobalOptions } from './command.ts'
import { print, printError, printJson, table } from './terminal/output.ts'

/** Sends a test alert through every route; succeeds if at least one delivered it. */
export async function alertsTestCommand(
  options: GlobalOptions & { readonly json: boolean },
): Promise<ExitCode> {
  const settings = await loadSettings({ home: options.home, processEnv: process.env, lenient: true })
  for (const problem of settings.problems) printError(problem)
  applyNetworkSettings(settings.environment.network, {
    extraCaCertsLoaded: process.env['NODE_EXTRA_CA_CERTS'] !== undefined,
  })
  const routes = await testRoutes(settings)
  if (options.json) {
    const items = routes.map((route) => ({ ...route, at: isoTime(route.at) }))
    printJson({ items })
  } else if (routes.length === 0) {
    printError(
      'no alerts are set up: you won\'t hear about outages. Add a route with "hermes init", or under alerts in config.yaml.',
    )
  } else {
    printRoutes(routes)
  }
  return routes.some(({ working }) => working === true) ? EXIT.ok : EXIT.failed
}

/** Sends a test alert through every route. @throws ConfigurationError */
export async function testRoutes(settings: Settings): Promise<readonly RouteStatus[]> {
  const alerter = new Alerter({ routes: await alertRoutes(settings, process.env), clock: systemClock })
  return alerter.test(`Test alert from Hermes Gateway on ${hostname()}: outages will be reported here.`)
}

export function printRoutes(routes: readonly RouteStatus[]): void {
  print(
    table(
      routes.map(({ route, working, problem }) => [
        working ? { style: 'green' as const, text: '✓' } : { style: 'red' as const, text: '✗' },
        route,
        working ? 'arrived' : (problem ?? 'not attempted'),
      ]),
    ),
  )
}
