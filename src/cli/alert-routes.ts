import type { AlertRoute } from '../alerts/alert.ts'
import { buildRoutes, mailOf } from '../alerts/routes/build.ts'
import { homeChannels } from '../config/channels.ts'
import type { Settings } from '../config/settings.ts'
import { NO_INPUTS } from '../inbox/parked-inputs.ts'
import { systemClock } from '../support/clock.ts'
import { createLog } from '../support/log.ts'

/**
 * Builds the alert routes of a home as its gateway would. The channels are used only to send.
 *
 * @throws ConfigurationError for a route that is misconfigured
 */
export async function alertRoutes(
  settings: Settings,
  processEnv: Readonly<NodeJS.ProcessEnv>,
): Promise<readonly AlertRoute[]> {
  const { config, channels } = settings
  const { openPlatforms } = await import('../channels/registry.ts')
  const platforms = await openPlatforms(channels, {
    clock: systemClock,
    log: await createLog({ level: 'silent' }),
    readCursor: () => Promise.resolve(null),
    readCursors: () => Promise.resolve([]),
    writeCursor: () => Promise.resolve(),
    inputs: NO_INPUTS,
  })
  return buildRoutes({
    alerts: config.alerts,
    homeChannels: homeChannels(channels),
    operators: config.gateway.operators,
    senders: new Map(platforms.map((channel) => [channel.channel, channel])),
    mail: mailOf(channels.email),
    processEnv,
  })
}
