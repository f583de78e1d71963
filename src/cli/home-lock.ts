import { existsSync, readFileSync, renameSync, statSync } from 'node:fs'
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
export async function acquireHome(home: string): Promise<FileLock | null> {
  const path = lockFile(home)
  if (isForeignLock(path)) {
    // A lock goes with the file, and not with what is in it: ours may have been written over while it is held.
    if (lockHolder(path)?.kind === 'ours') return null
    renameSync(path, `${path}${FOREIGN}`)
    printError(`${path} was another program's: kept as ${path}${FOREIGN}.`)
  }
  return acquireFileLock(path, { waitMs: WAIT_MS })
}

/** Is this another program's file of this name? Hermes Agent writes JSON, ours is an empty database. */
export function isForeignLock(path: string): boolean {
  try {
    const content = readFileSync(path, 'latin1')
    return content !== '' && !content.startsWith(DATABASE)
  } catch {
    return false
  }
}

/** Who has a lock on a file. `other`: of a kind that this program does not use. */
export interface LockHolder {
  readonly kind: 'ours' | 'other'
  /** null = it is in another container. */
  readonly pid: number | null
}

/** The process that holds a lock on a file; null = none, or unknown on this system. Does not touch the lock. @see proc_locks(5) */
export function lockHolder(path: string): LockHolder | null {
  try {
    const { ino } = statSync(path)
    const line = readFileSync('/proc/locks', 'utf8')
      .split('\n')
      .find((each) => each.includes(`:${ino} `) && !each.includes('->'))
    const [, type, , , process] = line?.trim().split(/\s+/) ?? []
    if (type === undefined) return null
    return { kind: type === 'POSIX' ? 'ours' : 'other', pid: Number(process) > 0 ? Number(process) : null }
  } catch {
    return null
  }
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
    // Not readable for us, or not a lock of ours: no gateway that we could talk to, unless it was written over.
    return lockHolder(path)?.kind === 'ours'
  }
}
