import { existsSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { pathToFileURL } from 'node:url'
import { messageOf } from '../../../support/errors.ts'
import { isForeignDatabase } from './migrate.ts'
import { MIGRATIONS } from './schema.ts'

/** What was found in a database file. */
export interface DatabaseState {
  /** The schema's version; null = it cannot be read. */
  readonly version: number | null
  /** The version that this program writes. */
  readonly knownVersion: number
  /** It is another program's. */
  readonly foreign: boolean
  /** What is wrong with it; empty = nothing. */
  readonly problems: readonly string[]
}

/** The first few are enough for a report. */
const MAX_PROBLEMS = 5
/** A running gateway's writes are milliseconds long. */
const BUSY_TIMEOUT_MS = 2_000

/**
 * Reads all of the database at `path`, whether or not a gateway is running, and changes nothing: it is
 * neither migrated nor repaired.
 */
export function examineDatabase(path: string): DatabaseState {
  const knownVersion = MIGRATIONS.length
  const url = pathToFileURL(path)
  // Without a write-ahead log no process has it open; opened this way, SQLite creates no extra files.
  if (!existsSync(`${path}-wal`)) url.search = '?immutable=1'
  let db: DatabaseSync | undefined
  try {
    db = new DatabaseSync(url, { readOnly: true, timeout: BUSY_TIMEOUT_MS })
    const version = Number(db.prepare('PRAGMA user_version').get()?.['user_version'] ?? 0)
    const rows = db.prepare(`PRAGMA integrity_check(${MAX_PROBLEMS})`).all()
    const problems = rows.map((row) => String(row['integrity_check'])).filter((line) => line !== 'ok')
    return { version, knownVersion, foreign: isForeignDatabase(db), problems }
  } catch (error) {
    return { version: null, knownVersion, foreign: false, problems: [messageOf(error)] }
  } finally {
    db?.close()
  }
}
