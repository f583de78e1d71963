import { existsSync } from 'node:fs'
import { readSettings, type Settings } from '../../config/settings.ts'
import { isoTime } from '../../support/clock.ts'
import { EXIT, type ExitCode, type GlobalOptions } from '../command.ts'
import { withExistingStorage } from '../context.ts'
import { fileSize, localTime, plural, print, printJson } from '../terminal/output.ts'
import { storageAddress } from './storage-address.ts'

export interface StorageReport {
  readonly kind: 'sqlite' | 'postgres'
  /** A path, or the address without user name and password. */
  readonly place: string
  /** false: the first gateway, or `migrate`, will create it. */
  readonly exists: boolean
  /** Migrations that the database still needs. */
  readonly missing: readonly string[]
  /** Migrations of a newer program. */
  readonly unknown: readonly string[]
  readonly messages: number | null
  readonly databaseBytes: number | null
  /** Gateways using it; always empty with SQLite. */
  readonly processes: ReadonlyArray<{
    readonly host: string
    readonly pid: number
    readonly role: string
    readonly version: string
    readonly startedAt: string
  }>
  /** The home's SQLite database, if PostgreSQL is configured and it was not copied yet. */
  readonly notCopied: string | null
}

export async function storageStatusCommand(
  options: GlobalOptions & { readonly json: boolean },
): Promise<ExitCode> {
  const settings = await readSettings({ home: options.home, processEnv: process.env, lenient: true })
  const report = await buildReport(settings, options)
  if (options.json) printJson(report)
  else printReport(report)
  return EXIT.ok
}

async function buildReport(settings: Settings, options: GlobalOptions): Promise<StorageReport> {
  const { storage } = settings.config
  const place = storageAddress(settings)
  const sizes = await withExistingStorage(options, (store) => store.sizeInfo())
  const figures = {
    exists: sizes !== null,
    messages: sizes?.result.messages ?? null,
    databaseBytes: sizes?.result.databaseBytes ?? null,
  }
  if (storage.kind === 'sqlite') {
    // Opening it has already migrated it.
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
    processes: sizes ? await readProcesses(settings) : [],
    notCopied: existsSync(database) ? database : null,
  }
}

async function readProcesses(settings: Settings): Promise<StorageReport['processes']> {
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
  if (!exists) print('no tables yet: "hermes gateway" or "hermes storage migrate" creates them')
  else print(`about ${plural(messages ?? 0, 'message')}, ${fileSize(databaseBytes ?? 0)}`)
  if (exists && missing.length > 0)
    print(
      `pending migrations: ${missing.join(', ')} (run at the next start, or with "hermes storage migrate")`,
    )
  if (unknown.length > 0) print(`migrations of a newer version: ${unknown.join(', ')}`)
  for (const { host, pid, role, version, startedAt } of processes)
    print(`gateway  ${role.padEnd(7)} ${version}  ${host}, process ${pid}, since ${localTime(startedAt)}`)
  if (notCopied) print(`${notCopied} was not copied yet: run "hermes storage copy"`)
}
