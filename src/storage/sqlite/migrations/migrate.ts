import { closeSync, openSync } from 'node:fs'
import type { DatabaseSync } from 'node:sqlite'
import { ConfigurationError } from '../../../support/errors.ts'
import { MIGRATIONS } from './schema.ts'

/**
 * Brings the schema to this program's version, after copying the whole database to `hermes.db.backup-v<N>`
 * in the same folder, if there is anything to copy.
 *
 * All steps are one transaction: a crash leaves the old version.
 *
 * @returns the path of the copy; null = nothing had to be changed, or the database was new
 * @throws ConfigurationError when a newer program has written this database
 */
export function migrate(
  db: DatabaseSync,
  path: string,
  migrations: readonly string[] = MIGRATIONS,
): string | null {
  if (versionOf(db) === migrations.length) return null
  const version = versionOf(db)
  if (version > migrations.length) {
    throw new ConfigurationError(
      `${path} was written by a newer hermes (database version ${version}, this program knows ` +
        `${migrations.length}). Install that version again, or go back to a backup.`,
    )
  }
  const copy = version > 0 ? backupBeforeMigration(db, path, version) : null
  db.exec('BEGIN IMMEDIATE')
  try {
    // Another process may have migrated while this one waited for the lock.
    for (let step = versionOf(db); step < migrations.length; step++) db.exec(migrations[step]!)
    db.exec(`PRAGMA user_version = ${migrations.length}`)
    db.exec('COMMIT')
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK')
    throw error
  }
  return copy
}

/** Is this a database of another program that happens to have our name? A new one has no tables at all. */
export function isForeignDatabase(db: DatabaseSync): boolean {
  const names = db
    .prepare(`SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'`)
    .all()
    .map(({ name }) => name)
  return names.length > 0 && !names.includes(OLDEST_TABLE)
}

/** Every version of ours has it. */
const OLDEST_TABLE = 'conversations'

function versionOf(db: DatabaseSync): number {
  return Number(db.prepare('PRAGMA user_version').get()?.['user_version'] ?? 0)
}

function backupBeforeMigration(db: DatabaseSync, path: string, version: number): string {
  const copy = `${path}.backup-v${version}`
  // Private and empty, because SQLite accepts no other target; an earlier attempt may have left a file.
  closeSync(openSync(copy, 'w', 0o600))
  db.prepare('VACUUM INTO ?').run(copy)
  return copy
}
