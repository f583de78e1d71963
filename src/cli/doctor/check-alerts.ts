import { Alerter } from '../../alerts/alerter.ts'
import type { Settings } from '../../config/settings.ts'
import { systemClock } from '../../support/clock.ts'
import { ConfigurationError } from '../../support/errors.ts'
import { alertRoutes } from '../alert-routes.ts'
import { editCommand, error, misconfigured, ok, warning, type Finding } from './finding.ts'

/** Checks that alerts would reach the operator. Sends nothing. */
export async function checkAlerts(
  settings: Settings,
  processEnv: Readonly<NodeJS.ProcessEnv>,
): Promise<readonly Finding[]> {
  try {
    const routes = await alertRoutes(settings, processEnv)
    if (routes.length === 0) {
      return [warning('alerts', "No alerts are set up: you won't hear about outages.", 'hermes init')]
    }
    const status = await new Alerter({ routes, clock: systemClock }).check()
    return status.map(({ route, working, problem }) =>
      working === false
        ? error(
            'alerts',
            `Alert route ${route} does not work: ${problem}.`,
            editCommand(settings.paths.config),
          )
        : ok('alerts', `Alerts go to ${route}`),
    )
  } catch (cause) {
    if (!(cause instanceof ConfigurationError)) throw cause
    return [misconfigured('alerts', cause.message, editCommand(settings.paths.config))]
  }
}
