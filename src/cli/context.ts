import { homePaths, resolveHome, type HomePaths } from '../config/home/home.ts'
import type { Storage } from '../storage/storage.ts'
import { GatewayApi } from './client/running.ts'
import type { GlobalOptions } from './command.ts'
import { printError } from './terminal/output.ts'

/** The home that a command works on; nothing is created. */
export function pathsOf(options: GlobalOptions): HomePaths {
  return homePaths(resolveHome(options.home, process.env))
}

/** The running gateway of the home, or null after saying that there is none and how to start it. */
export async function requireApi(options: GlobalOptions): Promise<GatewayApi | null> {
  const paths = pathsOf(options)
  const api = await GatewayApi.connect(paths.home, paths.gatewayToken)
  if (!api)
    printError(
      `no gateway runs on ${paths.home}. Start it with "hermes gateway", or name its home with --home.`,
    )
  return api
}

/**
 * Runs `work` on the database of the home's configuration, beside running gateways or without one.
 *
 * @returns null after saying so, when there is no database yet
 */
export async function withStorage<T>(
  options: GlobalOptions,
  work: (storage: Storage) => Promise<T>,
): Promise<T | null> {
  const found = await withExistingStorage(options, work)
  if (found) return found.result
  const { home } = pathsOf(options)
  printError(`${home} has no database yet: "hermes gateway" makes it at its first start.`)
  return null
}

/** As `withStorage`, and says nothing. */
export async function withExistingStorage<T>(
  options: GlobalOptions,
  work: (storage: Storage) => Promise<T>,
): Promise<{ readonly result: T } | null> {
  const [{ openExistingStorage }, { readSettings }, { PULL_CHANNELS }, { createLog }] = await Promise.all([
    import('../storage/open-existing.ts'),
    import('../config/settings.ts'),
    import('../channels/channel.ts'),
    import('../support/log.ts'),
  ])
  const settings = await readSettings({ home: options.home, processEnv: process.env, lenient: true })
  const log = await createLog({ level: 'error' })
  const storage = await openExistingStorage({ settings, pullChannels: PULL_CHANNELS, log })
  if (!storage) return null
  try {
    return { result: await work(storage) }
  } finally {
    await storage.close()
  }
}
