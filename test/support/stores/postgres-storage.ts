import type { Database } from '../../../src/storage/postgres/connection/database.ts'
import { openDatabase } from '../../../src/storage/postgres/connection/database.ts'
import { prepareQueue } from '../../../src/storage/postgres/fleet/wake-up-queue.ts'
import { migrate } from '../../../src/storage/postgres/migrations/migrate.ts'
import { openPostgresStorage, type PostgresStorageOptions } from '../../../src/storage/postgres/storage.ts'
import type { Storage } from '../../../src/storage/storage.ts'
import { systemClock } from '../../../src/support/clock.ts'
import { createLog } from '../../../src/support/log.ts'
import { Secret } from '../../../src/support/secret.ts'
import { copyOfDatabase } from './postgres.ts'

export const silent = await createLog({ level: 'silent' })

/** A database connection as the gateway makes it, that says nothing. */
export function openQuietly(url: string): Promise<Database> {
  return openDatabase({ url: new Secret(url), clock: systemClock, log: silent, onProblem: () => {} })
}

export interface OpenPostgres {
  readonly storage: Storage
  readonly database: Database
}

/** A storage on the migrated database at `url`, for which `web` is the one channel that pulls. */
export async function openStorageAt(
  url: string,
  over: Partial<PostgresStorageOptions> = {},
): Promise<OpenPostgres> {
  const database = await openQuietly(url)
  return { database, storage: openPostgresStorage({ database, pullChannels: ['web'], ...over }) }
}

/** A new, migrated database of this test file. @returns its address */
export function migratedDatabase(): Promise<string> {
  return copyOfDatabase('migrated', async (url) => void (await migrate({ url: new Secret(url) })))
}

/** As the first gateway leaves it: with the queue's own tables, too. @returns its address */
export function preparedDatabase(): Promise<string> {
  return copyOfDatabase('prepared', async (url) => {
    await migrate({ url: new Secret(url), also: prepareQueue })
  })
}

/** Empties the tables: much faster than another database for each test. */
export async function empty(url: string): Promise<void> {
  const database = await openQuietly(url)
  try {
    const tables = await database.query<{ name: string }>(
      `SELECT quote_ident(tablename) AS name FROM pg_tables
         WHERE schemaname = 'hermes' AND tablename NOT IN ('migrations', 'counters')`,
    )
    await database.transaction(async (tx) => {
      for (const { name } of tables) await tx.query(`DELETE FROM hermes.${name}`)
      await tx.query('UPDATE hermes.counters SET value = 0')
    })
  } finally {
    await database.close()
  }
}
