import type { Settings } from '../config/settings.ts'
import { fleetOfOne, type Fleet, type Role } from '../inbox/fleet/fleet.ts'
import type { Clock } from '../support/clock.ts'
import { ConfigurationError } from '../support/errors.ts'
import { newId } from '../support/ids.ts'
import type { Log } from '../support/log.ts'
import { machineId } from '../support/machine.ts'
import { VERSION } from '../support/package.ts'
import { fingerprint } from '../support/secret.ts'
import { openSqliteStorage } from './sqlite/storage.ts'
import type { Storage } from './storage.ts'

export interface StoreOptions {
  readonly settings: Settings
  readonly role: Role
  /** Channels whose readers read the store: nothing is put into their outbox. */
  readonly pullChannels: readonly string[]
  readonly host: string
  readonly clock: Clock
  readonly log: Log
  /** Something failed in the background; it is retried automatically. */
  readonly onProblem: (error: unknown) => void
}

/** The store, and this process among those that work on it. */
export interface OpenStore {
  readonly storage: Storage
  readonly fleet: Fleet
}

/**
 * Opens the configured storage. The code for PostgreSQL is loaded only where it is used.
 *
 * @throws ConfigurationError; StoreError while it cannot be opened
 */
export async function openStore(options: StoreOptions): Promise<OpenStore> {
  const { settings, role, pullChannels, clock, log } = options
  const { storage } = settings.config
  if (storage.kind === 'sqlite') {
    if (role !== 'all') {
      throw new ConfigurationError(
        `--role ${role}: a gateway on SQLite does everything itself. Several gateways share a PostgreSQL: set storage.url.`,
      )
    }
    const opened = await openSqliteStorage({ path: settings.paths.database, pullChannels })
    if (opened.migrationBackup)
      log.info(`the database was migrated; a backup of the previous one is ${opened.migrationBackup}`)
    return { storage: opened, fleet: fleetOfOne(newId(clock.now())) }
  }
  const { openFleetStore } = await import('./postgres/fleet/open-fleet-store.ts')
  const { home } = settings.paths
  const name = fingerprint(`${machineId(home)}:${home}`)
  return openFleetStore({ ...options, url: storage.url, version: VERSION, home: name })
}
