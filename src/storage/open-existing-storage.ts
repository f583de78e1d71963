import type { Settings } from '../config/settings.ts'
import { systemClock, type Clock } from '../support/clock.ts'
import type { Log } from '../support/log.ts'
import type { Storage } from './storage.ts'

export interface StorageOptions {
  readonly settings: Settings
  /** Channels whose readers read the store: nothing is put into their outbox. */
  readonly pullChannels: readonly string[]
  readonly log: Log
  readonly clock?: Clock
  /** Something failed in the background; it is retried automatically. */
  readonly onProblem?: (error: unknown) => void
}

/** Milliseconds per statement: a command reads and removes much at once, and no message waits for it. */
const COMMAND_STATEMENT_MS = 120_000
const COMMAND_CONNECTIONS = 2

/**
 * Opens the configured storage for a command, whether or not gateways are running: a PostgreSQL database is
 * not migrated. The code for each database is loaded only where it is used.
 *
 * @returns null when there is no database, or nothing in it yet
 * @throws ConfigurationError when it cannot be used; StoreError while it cannot be opened
 */
export async function openExistingStorage(options: StorageOptions): Promise<Storage | null> {
  const { settings, pullChannels, log, clock = systemClock, onProblem = () => {} } = options
  const { storage } = settings.config
  if (storage.kind === 'sqlite') {
    const { existsSync } = await import('node:fs')
    return existsSync(settings.paths.database) ? openSqlite(settings, pullChannels) : null
  }
  const [{ openDatabase }, { schemaState }, { openPostgresStorage }] = await postgres()
  if ((await schemaState(storage.url)).oldestProgram === null) return null
  const bounds = { connections: COMMAND_CONNECTIONS, statementMs: COMMAND_STATEMENT_MS }
  const database = await openDatabase({ url: storage.url, clock, log, onProblem, ...bounds })
  return openPostgresStorage({ database, pullChannels, clock })
}

async function openSqlite(settings: Settings, pullChannels: readonly string[]): Promise<Storage> {
  const { openSqliteStorage } = await import('./sqlite/storage.ts')
  return openSqliteStorage({ path: settings.paths.database, pullChannels })
}

function postgres() {
  return Promise.all([
    import('./postgres/connection/database.ts'),
    import('./postgres/migrations/migrate.ts'),
    import('./postgres/storage.ts'),
  ])
}
