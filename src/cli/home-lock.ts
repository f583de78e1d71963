import { existsSync, readFileSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { acquireFileLock, type FileLock } from '../support/files/file-lock.ts'
import { printError } from './terminal/output.ts'

/** A command that asks whether a gateway runs has the lock for an instant. */
const WAIT_MS = 500
/** @see https://sqlite.org/fileformat.html#magic_header_string */
const DATABASE = 'SQLite format 3\0'
const FOREIGN = '.foreign'

/** Held by the gateway of this home, and by a command that must not run at the same time. */
export function lockFile(home: string): string {
  return join(home, 'gateway.lock')
}

/** Acquires the home for this process; null = another one has it. @throws StoreError as `acquireFileLock` */
export function acquireHome(home: string): Promise<FileLock | null> {
  keepForeignFileAside(lockFile(home))
  return acquireFileLock(lockFile(home), { waitMs: WAIT_MS })
}

/** Another program's file of this name (Hermes Agent writes JSON) is kept under another one. Ours is an empty database. */
function keepForeignFileAside(path: string): void {
  let content: string
  try {
    content = readFileSync(path, 'latin1')
  } catch {
    return
  }
  if (content === '' || content.startsWith(DATABASE)) return
  renameSync(path, `${path}${FOREIGN}`)
  printError(`${path} was another program's: kept as ${path}${FOREIGN}.`)
}

/** Is there a process that has the home? */
export async function isHomeHeld(home: string): Promise<boolean> {
  const path = lockFile(home)
  // To try the lock would make the file.
  if (!existsSync(path)) return false
  try {
    const lock = await acquireFileLock(path)
    lock?.release()
    return lock === null
  } catch {
    // Not readable for us, or not a lock of ours: no gateway that we could talk to.
    return false
  }
}
