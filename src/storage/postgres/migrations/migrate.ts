import type { Client } from 'pg'
import { ConfigurationError } from '../../../support/errors.ts'
import { VERSION } from '../../../support/package.ts'
import type { Secret } from '../../../support/secret.ts'
import { DatabaseClient } from '../connection/client.ts'
import { connectionSettings } from '../connection/connection.ts'
import { mayBeRepeated, openingError } from '../connection/failures.ts'
import { MIGRATIONS } from './all.ts'
import type { Migration } from './migration.ts'

export interface MigrateOptions {
  readonly url: Secret
  /** Something else that must not run twice at once, after the steps and under the same lock. */
  readonly also?: (client: Client) => Promise<void>
  /** For tests of the migration alone. */
  readonly migrations?: readonly Migration[]
  readonly version?: string
}

/** What was found of a database's schema. */
export interface SchemaState {
  /** Numbers and names of the steps that the database lacks. */
  readonly missing: readonly string[]
  /** Steps that only a newer program knows. */
  readonly unknown: readonly string[]
  /** The oldest program that may work with it; null = it is empty. */
  readonly oldestProgram: string | null
}

/** An advisory lock number that no other program uses: the letters "hermes". */
const LOCK = 0x6865_726d_6573
/** The first step on a large database may take minutes, and so may the process that holds the lock before us. */
const LOCK_TIMEOUT_MS = 10 * 60 * 1_000

/** Each attempt costs the second after which the server detects a deadlock; under load the first retry succeeds. */
const MAX_TRIES = 10

const TABLE = `
CREATE SCHEMA IF NOT EXISTS hermes;
CREATE TABLE IF NOT EXISTS hermes.migrations (
  number integer PRIMARY KEY,
  name text NOT NULL,
  oldest_program text NOT NULL,
  applied_by text NOT NULL,
  applied_at timestamptz NOT NULL DEFAULT now()
)`

/**
 * Brings the schema to this program's version. Any number of processes may call it at once: one applies the
 * steps, the others wait for it. Each step is its own transaction.
 *
 * @returns the names of the steps that were applied
 * @throws ConfigurationError when a newer program, with which this one cannot share it, migrated the database;
 * StoreError while it does not answer
 */
export async function migrate(options: MigrateOptions): Promise<readonly string[]> {
  const { migrations = MIGRATIONS, version = VERSION } = options
  const client = new DatabaseClient({ ...connectionSettings(options.url, { statementMs: LOCK_TIMEOUT_MS }) })
  client.on('error', () => {})
  try {
    await client.connect()
    // A session lock: it ends with the connection, even if this process is killed.
    await client.query('SELECT pg_advisory_lock($1)', [LOCK])
    await client.query(TABLE)
    const known = await appliedTo(client)
    const state = compare(known, migrations)
    refuseNewer(state, version)
    const taken: string[] = []
    for (const step of migrations) {
      if (known.some(({ number }) => number === step.number)) continue
      await apply(client, step, version)
      taken.push(migrationName(step))
    }
    await options.also?.(client)
    return taken
  } catch (error) {
    throw openingError(error)
  } finally {
    await client.end().catch(() => {})
  }
}

/** What `migrate` would find. Changes nothing. */
export async function schemaState(
  url: Secret,
  migrations: readonly Migration[] = MIGRATIONS,
): Promise<SchemaState> {
  const client = new DatabaseClient(connectionSettings(url, {}))
  client.on('error', () => {})
  try {
    await client.connect()
    const { rows } = await client.query<{ there: boolean }>(
      `SELECT to_regclass('hermes.migrations') IS NOT NULL AS there`,
    )
    return compare(rows[0]?.there ? await appliedTo(client) : [], migrations)
  } catch (error) {
    throw openingError(error)
  } finally {
    await client.end().catch(() => {})
  }
}

interface Applied {
  readonly number: number
  readonly name: string
  readonly oldest_program: string
}

async function appliedTo(client: Client): Promise<readonly Applied[]> {
  const { rows } = await client.query<Applied>(
    'SELECT number, name, oldest_program FROM hermes.migrations ORDER BY number',
  )
  return rows
}

function compare(applied: readonly Applied[], migrations: readonly Migration[]): SchemaState {
  const numbers = new Set(applied.map(({ number }) => number))
  const ours = new Set(migrations.map(({ number }) => number))
  const oldest = applied.map((step) => step.oldest_program)
  return {
    missing: migrations.filter(({ number }) => !numbers.has(number)).map(migrationName),
    unknown: applied.filter(({ number }) => !ours.has(number)).map(migrationName),
    oldestProgram: oldest.length === 0 ? null : oldest.reduce((a, b) => (isOlder(a, b) ? b : a)),
  }
}

function migrationName(step: { readonly number: number; readonly name: string }): string {
  return `${String(step.number).padStart(3, '0')}-${step.name}`
}

/** An unknown step is harmless as long as it declares itself compatible. */
function refuseNewer(state: SchemaState, version: string): void {
  if (state.oldestProgram === null || !isOlder(version, state.oldestProgram)) return
  throw new ConfigurationError(
    `storage.url: the database was migrated by a newer hermes (it needs at least ${state.oldestProgram}, ` +
      `this program is ${version}). Install that version.`,
  )
}

/** By numbers; what follows a dash (`1.2.0-rc.1`) counts as its release. */
function isOlder(a: string, b: string): boolean {
  const [left, right] = [a, b].map((version) => version.split('-')[0]!.split('.').map(Number))
  for (let index = 0; index < 3; index++) {
    const difference = (left![index] ?? 0) - (right![index] ?? 0)
    if (difference !== 0) return difference < 0
  }
  return false
}

/**
 * Processes of the previous version keep running during the step and lock the same tables in a different
 * order: if the server picks this transaction to break a deadlock, it is retried.
 */
async function apply(client: Client, step: Migration, version: string): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      return await tryToApply(client, step, version)
    } catch (error) {
      if (!mayBeRepeated(error) || tries === MAX_TRIES) throw error
    }
  }
}

async function tryToApply(client: Client, step: Migration, version: string): Promise<void> {
  await client.query('BEGIN')
  try {
    await client.query(step.sql)
    await client.query(
      'INSERT INTO hermes.migrations (number, name, oldest_program, applied_by) VALUES ($1, $2, $3, $4)',
      [step.number, step.name, step.oldestProgram, version],
    )
    await client.query('COMMIT')
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {})
    throw error
  }
}
