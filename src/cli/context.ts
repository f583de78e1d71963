import { homePaths, resolveHome, sandboxHome, type HomePaths } from '../config/home/home.ts'
import type { Storage } from '../storage/storage.ts'
import { findRunning, GatewayApi } from './client/gateway-api.ts'
import type { GlobalOptions } from './command.ts'
import { printError } from './terminal/output.ts'

/** The paths of the command's home; nothing is created. */
export function resolvePaths(options: GlobalOptions): HomePaths {
  return homePaths(resolveHome(options.home, process.env))
}

/** Connects to the running gateway of the home; prints how to start one and returns null if there is none. */
export async function requireApi(options: GlobalOptions): Promise<GatewayApi | null> {
  const paths = resolvePaths(options)
  const api = await GatewayApi.connect(paths.home, paths.gatewayToken)
  if (api) return api
  const sandbox = sandboxHome(paths.home)
  const otherwise = (await findRunning(sandbox))
    ? `reach the running sandbox with --home ${sandbox}.`
    : 'choose its home with --home.'
  printError(`no gateway is running for ${paths.home}. Start it with "hermes gateway", or ${otherwise}`)
  return null
}

/**
 * Runs `work` on the database of the home, whether a gateway is running or not.
 *
 * @returns null if there is no database yet, after printing that
 */
export async function withStorage<T>(
  options: GlobalOptions,
  work: (storage: Storage) => Promise<T>,
): Promise<T | null> {
  const found = await withExistingStorage(options, work)
  if (found) return found.result
  const { home } = resolvePaths(options)
  printError(`${home} has no database yet. "hermes gateway" creates it at the first start.`)
  return null
}

/** As `withStorage`, without printing anything. */
export async function withExistingStorage<T>(
  options: GlobalOptions,
  work: (storage: Storage) => Promise<T>,
): Promise<{ readonly result: T } | null> {
  const [{ openExistingStorage }, { readSettings }, { PULL_CHANNELS }, { createLog }] = await Promise.all([
    import('../storage/open-existing-storage.ts'),
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
