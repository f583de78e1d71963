import { existsSync } from 'node:fs'
import { readSettings, type Settings } from '../../config/settings.ts'
import { isoTime } from '../../support/clock.ts'
import { EXIT, type ExitCode, type GlobalOptions } from '../command.ts'
import { withExistingStorage } from '../context.ts'
import { print, printJson } from '../terminal/output.ts'
import { placeOf } from './place.ts'

export interface StorageReport {
  readonly kind: 'sqlite' | 'postgres'
  /** A path, or the address without who signs in there. */
  readonly place: string
  /** false: nothing is there yet; the first gateway, or `migrate`, makes it. */
  readonly exists: boolean
  /** Steps of the schema that this program has and the database has not. */
  readonly missing: readonly string[]
  /** Steps that only a newer program knows. */
  readonly unknown: readonly string[]
  readonly messages: number | null
  readonly databaseBytes: number | null
  /** Gateways at work on it; always empty with SQLite, which belongs to one. */
  readonly processes: ReadonlyArray<{
    readonly host: string
    readonly pid: number
    readonly role: string
    readonly version: string
    readonly startedAt: string
  }>
  /** The home's SQLite database, while PostgreSQL is configured and it was not copied there. */
  readonly notCopied: string | null
}

export async function storageStatusCommand(
  options: GlobalOptions & { readonly json: boolean },
): Promise<ExitCode> {
  const settings = await readSettings({ home: options.home, processEnv: process.env, lenient: true })
  const report = await reportOf(settings, options)
  if (options.json) printJson(report)
  else printReport(report)
  return EXIT.ok
}

async function reportOf(settings: Settings, options: GlobalOptions): Promise<StorageReport> {
  const { storage } = settings.config
  const place = placeOf(settings)
  const sizes = await withExistingStorage(options, (store) => store.sizeInfo())
  const figures = {
    exists: sizes !== null,
    messages: sizes?.result.messages ?? null,
    databaseBytes: sizes?.result.databaseBytes ?? null,
  }
  if (storage.kind === 'sqlite') {
    // Opening it has migrated it.
    return { kind: 'sqlite', place, ...figures, missing: [], unknown: [], processes: [], notCopied: null }
  }
  const { schemaState } = await import('../../storage/postgres/migrations/migrate.ts')
  const { missing, unknown } = await schemaState(storage.url)
  const { database } = settings.paths
  return {
    kind: 'postgres',
    place,
    ...figures,
    missing,
    unknown,
    processes: sizes ? await processesOf(settings) : [],
    notCopied: existsSync(database) ? database : null,
  }
}

async function processesOf(settings: Settings): Promise<StorageReport['processes']> {
  const { withDatabase } = await import('./database.ts')
  return withDatabase(settings, async (database) => {
    const rows = await database.query<{
      host: string
      pid: number
      role: string
      version: string
      started: number
    }>(
      `SELECT host, pid, role, version, (extract(epoch FROM started_at) * 1000)::bigint AS started
         FROM hermes.processes WHERE expires_at > now() ORDER BY started_at`,
    )
    return rows.map(({ started, ...rest }) => ({ ...rest, startedAt: isoTime(started) }))
  })
}

function printReport(report: StorageReport): void {
  const { kind, place, exists, missing, unknown, messages, databaseBytes, processes, notCopied } = report
  print(`${kind === 'sqlite' ? 'SQLite' : 'PostgreSQL'}  ${place}`)
  if (!exists) print('empty: the first "hermes gateway", or "hermes storage migrate", makes the tables')
  else print(`about ${messages} messages, ${((databaseBytes ?? 0) / 1e6).toFixed(1)} MB`)
  if (exists && missing.length > 0)
    print(`waits for ${missing.join(', ')}: the next start of a gateway does it, or "hermes storage migrate"`)
  if (unknown.length > 0) print(`steps of a newer program: ${unknown.join(', ')}`)
  for (const { host, pid, role, version, startedAt } of processes)
    print(`gateway  ${role.padEnd(7)} ${version}  ${host}, process ${pid}, since ${startedAt}`)
  if (notCopied) print(`${notCopied} was not copied: "hermes storage copy" brings it along`)
}
