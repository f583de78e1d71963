import { hostname } from 'node:os'
import type { OwnPlace, OwnPlaceParts } from '../../../credentials/own/own-sign-ins.ts'
import { systemClock } from '../../../support/clock.ts'
import { ConfigurationError } from '../../../support/errors.ts'
import { newId } from '../../../support/ids.ts'
import type { Log } from '../../../support/log.ts'
import type { Secret } from '../../../support/secret.ts'
import { openDatabase, type Database } from '../connection/database.ts'
import { migrate } from '../migrations/migrate.ts'
import { readSecretKeys, type SecretKeyPlaces } from './secret-keys.ts'
import { sharedMemory } from './shared-memory.ts'
import { SharedSignIns } from './shared-sign-ins.ts'
import { SignInRow } from './sign-in-row.ts'

export interface SharedPlaceOptions {
  readonly url: Secret
  readonly keys: SecretKeyPlaces
  readonly log: Log
}

/** The place, with what only the database's sign-ins can do. */
export interface SharedPlace extends OwnPlace {
  readonly signIns: SharedSignIns
}

/** A refresh, a read during it, and the keeper's record: nothing needs more connections at once. */
const CONNECTIONS = 3

/**
 * Opens our own sign-ins in the database of `storage.url`, and creates their table when it is missing.
 *
 * @throws ConfigurationError without a key, or with a different key than the one that sealed the sign-in;
 * StoreError while the database does not answer
 */
export async function openSharedPlace(
  options: SharedPlaceOptions,
  parts: OwnPlaceParts,
): Promise<SharedPlace> {
  const { url, log } = options
  const keys = readSecretKeys(options.keys)
  const database = await openDatabase({
    url,
    // Connections and leases run in real time, whatever clock a test injects for tokens.
    clock: systemClock,
    log,
    connections: CONNECTIONS,
    onProblem: (err) => log.warn({ err }, 'the database of the sign-in does not answer'),
  })
  try {
    await makeTables(database, url)
    const row = new SignInRow(database, keys)
    const present = await row.read()
    if (!row.isOpenable(present)) {
      throw new ConfigurationError(
        `the sign-in in the database was encrypted with the key ${present.keyId}, and HERMES_SECRET_KEY or storage.secret_key_file give ${keys.map(({ id }) => id).join(', ')}. Add the previous key after the new one.`,
      )
    }
  } catch (error) {
    await database.close()
    throw error
  }
  const signIns = new SharedSignIns({
    database,
    keys,
    holder: `${hostname()}:${process.pid}:${newId(parts.clock.now())}`,
    ...parts,
  })
  return {
    name: databaseName(url),
    signIns,
    memory: sharedMemory(database),
    async close() {
      await signIns.close()
      await database.close()
    },
  }
}

/** A sign-in may be the first thing that a database is used for, before any gateway has run. */
async function makeTables(database: Database, url: Secret): Promise<void> {
  const [there] = await database.query<{ there: boolean }>(
    `SELECT to_regclass('hermes.sign_ins') IS NOT NULL AS there`,
  )
  if (!there?.there) await migrate({ url })
}

/** The address without user and password. */
function databaseName(url: Secret): string {
  const { host, pathname } = new URL(url.reveal())
  return `postgres://${host}${pathname}`
}
