import { closeSync, openSync, rmSync } from 'node:fs'
import { messageOf, StoreError } from '../../support/errors.ts'
import type { Session } from './thread/session.ts'

/**
 * Writes a whole, consistent copy to `file`, which must not exist yet. Sign-ins are not in the
 * database, so they are not in the copy. Outside any transaction; others may read and write during it.
 *
 * @throws StoreError when the file exists or cannot be written; nothing is left behind then
 */
export function backup(session: Session, file: string): void {
  try {
    // Made here, private and new; SQLite writes into an empty file.
    closeSync(openSync(file, 'wx', 0o600))
  } catch (error) {
    throw new StoreError(`${file} cannot be made: ${messageOf(error)}`, { cause: error })
  }
  try {
    session.sql('VACUUM INTO ?').run(file)
  } catch (error) {
    rmSync(file, { force: true })
    throw error
  }
}

/** What SQLite finds wrong with the file; empty = nothing. Reads the whole database. */
export function integrityCheck(session: Session): readonly string[] {
  return session
    .all('PRAGMA integrity_check')
    .map((row) => String(row['integrity_check']))
    .filter((line) => line !== 'ok')
}

/** Copies the log into the database and empties it, so that what was deleted is in no file any more. */
function checkpoint(session: Session): void {
  session.sql('PRAGMA wal_checkpoint(TRUNCATE)').all()
}

/** Rewritten in memory up to here; a larger database goes through a file of SQLite's own, private and without a name. */
const IN_MEMORY_BYTES = 256 * 1024 * 1024

/**
 * Rewrites the database without what was deleted, then `checkpoint`. Rows that grew were moved, and
 * pages that were divided keep parts of them: overwriting at the deletion reaches neither. Others may
 * read during that time; writers wait. Outside any transaction.
 */
export function forgetDeleted(session: Session): void {
  const large = sizes(session).databaseBytes > IN_MEMORY_BYTES
  session.db.exec(large ? 'PRAGMA temp_store = FILE' : 'PRAGMA temp_store = MEMORY')
  try {
    session.db.exec('VACUUM')
  } finally {
    session.db.exec('PRAGMA temp_store = MEMORY')
  }
  checkpoint(session)
}

/** Figures for `hermes status` and `hermes doctor`. */
export function sizes(session: Session): { readonly messages: number; readonly databaseBytes: number } {
  const pages = Number(session.get('PRAGMA page_count')?.['page_count'])
  const pageSize = Number(session.get('PRAGMA page_size')?.['page_size'])
  // The highest key: counting a million rows takes longer than anybody wants to wait for a status.
  const messages = Number(session.get('SELECT max(key) AS n FROM messages')?.['n'] ?? 0)
  return { messages, databaseBytes: pages * pageSize }
}
