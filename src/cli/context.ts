import { existsSync } from 'node:fs'
import { homePaths, resolveHome, type HomePaths } from '../config/home.ts'
import type { SqliteStorage } from '../storage/sqlite/storage.ts'
import { printError } from './output.ts'
import type { GlobalOptions } from './program.ts'
import { GatewayApi } from './running.ts'

/** The home that a command works on; nothing is created. */
export function pathsOf(options: GlobalOptions): HomePaths {
  return homePaths(resolveHome(options.home, process.env))
}

/** Has a gateway ever run on the home? */
export function hasStorage(options: GlobalOptions): boolean {
  return existsSync(pathsOf(options).database)
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
 * Runs `work` on the home's database, beside a running gateway or without one.
 *
 * @returns null after saying so, when there is no database yet
 */
export async function withStorage<T>(
  options: GlobalOptions,
  work: (storage: SqliteStorage) => Promise<T>,
): Promise<T | null> {
  const paths = pathsOf(options)
  if (!existsSync(paths.database)) {
    printError(`${paths.home} has no database yet: "hermes gateway" makes it at its first start.`)
    return null
  }
  const [{ openSqliteStorage }, { PULL_CHANNELS }] = await Promise.all([
    import('../storage/sqlite/storage.ts'),
    import('../channels/channel.ts'),
  ])
  const storage = await openSqliteStorage({ path: paths.database, pullChannels: PULL_CHANNELS })
  try {
    return await work(storage)
  } finally {
    await storage.close()
  }
}
