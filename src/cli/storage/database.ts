import type { Settings } from '../../config/settings.ts'
import { openDatabase, type Database } from '../../storage/postgres/connection/database.ts'
import { MINUTE, systemClock } from '../../support/clock.ts'
import { ConfigurationError } from '../../support/errors.ts'
import { createLog } from '../../support/log.ts'

/** Long enough to count or compare a whole table; no message waits for it. */
const STATEMENT_MS = 10 * MINUTE
const CONNECTIONS = 2

/** Runs `work` on the PostgreSQL database of the settings. @throws ConfigurationError if none is configured */
export async function withDatabase<T>(
  settings: Settings,
  work: (database: Database) => Promise<T>,
): Promise<T> {
  const { storage } = settings.config
  if (storage.kind !== 'postgres')
    throw new ConfigurationError(
      'storage.url is not a PostgreSQL address: set it to postgres://user@host/database.',
    )
  const database = await openDatabase({
    url: storage.url,
    clock: systemClock,
    log: await createLog({ level: 'error' }),
    onProblem: () => {},
    connections: CONNECTIONS,
    statementMs: STATEMENT_MS,
  })
  try {
    return await work(database)
  } finally {
    await database.close()
  }
}
