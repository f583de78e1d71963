import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'

/** What a migration and a move to PostgreSQL leave next to the database. */
const COPY = /^hermes\.db\.(?:backup-v\d+|copied)(?:-wal|-shm|-journal)?$/

/** The older copies of the database in a home. What is removed from the database stays in them. */
export async function listCopies(home: string): Promise<readonly string[]> {
  return (await readdir(home)).filter((name) => COPY.test(name)).map((name) => join(home, name))
}

/**
 * Removes the copies that were made before `before` (epoch milliseconds). With the retention of messages
 * as their age, everything in them has been removed from the database, or has changed there.
 */
export async function removeOldCopies(home: string, before: number): Promise<void> {
  for (const copy of await listCopies(home)) {
    const { mtimeMs } = await stat(copy)
    if (mtimeMs < before) await rm(copy, { force: true })
  }
}
