import { randomBytes } from 'node:crypto'
import { openDatabase, type Database } from '../../../src/storage/postgres/connection/database.ts'
import { readSecretKeys } from '../../../src/storage/postgres/credential/secret-keys.ts'
import { migrate } from '../../../src/storage/postgres/migrations/migrate.ts'
import { systemClock } from '../../../src/support/clock.ts'
import { createLog } from '../../../src/support/log.ts'
import { Secret } from '../../../src/support/secret.ts'
import { freshDatabase } from './postgres.ts'

/** A database with our tables, for the sign-ins of one test. */
export interface TestDatabase {
  readonly url: string
  readonly database: Database
  /** What HERMES_SECRET_KEY would say. */
  readonly secretKey: string
}

let open: Promise<TestDatabase> | null = null

/** A key as `openssl rand -base64 32` makes one. */
export function newSecretKey(): string {
  return randomBytes(32).toString('base64')
}

/** The keys in the text of a HERMES_SECRET_KEY. */
export function keysIn(text: string) {
  return readSecretKeys({ variable: new Secret(text), file: null })
}

/** The database of this test file, empty again where that is not refused: making one takes longer than most tests. */
export async function databaseOfSignIns({ emptied = true } = {}): Promise<TestDatabase> {
  const { database } = await (open ??= make())
  if (!emptied) return open
  for (const table of ['sign_ins', 'keeper_memory', 'leases'])
    await database.query(`DELETE FROM hermes.${table}`)
  return open
}

async function make(): Promise<TestDatabase> {
  const url = await freshDatabase()
  await migrate({ url: new Secret(url) })
  return { url, database: await connect(url), secretKey: newSecretKey() }
}

export async function connect(url: string): Promise<Database> {
  return openDatabase({
    url: new Secret(url),
    clock: systemClock,
    log: await createLog({ level: 'silent' }),
    // The last thing of a test file is that its database goes.
    onProblem: () => {},
  })
}
