import { chmodSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as pause } from 'node:timers/promises'
import { systemClock } from '../clock.ts'
import { StoreError } from '../errors.ts'

/** A lock that the kernel holds for this process: kept while the process is stopped, freed at once when it dies. */
export interface FileLock extends Disposable {
  release(): void
}

export interface FileLockOptions {
  /** Ends the wait; the promise then rejects. */
  readonly signal?: AbortSignal
  /** How long to wait for another holder, in milliseconds; 0 = one attempt. */
  readonly waitMs?: number
}

/** Short enough that the wait after a release is not noticed, long enough to cost nothing over 30 s. */
const RETRY_MS = 15
/** Jitter, so that two waiters do not collide again and again. */
const RETRY_SPREAD_MS = 10

/** SQLite result codes (https://sqlite.org/rescode.html), without their extended upper bits. */
const SQLITE_BUSY = 5
const SQLITE_LOCKED = 6

/**
 * Acquires the lock whose file is `path`, or resolves to null when another holder (another process, or
 * another part of this one) keeps it for `waitMs`.
 *
 * The lock is SQLite's own, on an empty database: POSIX locks that the kernel
 * frees with the process. They would also be dropped by closing any other handle
 * on the same file in this process, so nothing else may ever open `path`.
 *
 * @throws StoreError when the lock file cannot be made (read-only, full, not a file)
 * @see https://sqlite.org/lockingv3.html
 */
export async function acquireFileLock(path: string, options: FileLockOptions = {}): Promise<FileLock | null> {
  const { signal, waitMs = 0 } = options
  const deadline = systemClock.monotonic() + waitMs
  for (;;) {
    signal?.throwIfAborted()
    const lock = tryLock(path)
    if (lock) return lock
    if (systemClock.monotonic() >= deadline) return null
    // Node's own timer keeps the process alive: a process that waits for a lock has work to do.
    await pause(RETRY_MS + Math.random() * RETRY_SPREAD_MS, undefined, signal ? { signal } : {})
  }
}

function tryLock(path: string): FileLock | null {
  let database: DatabaseSync | undefined
  try {
    // `timeout: 0`: SQLite would wait synchronously and freeze the process.
    database = new DatabaseSync(path, { timeout: 0 })
    // No journal on disk: the lock must also work when the disk is full.
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN IMMEDIATE')
    // By path, not by handle: closing a second handle would drop the lock.
    chmodSync(path, 0o600)
    return held(database)
  } catch (error) {
    database?.close()
    const code = (error as { errcode?: number }).errcode
    if (code !== undefined && ((code & 0xff) === SQLITE_BUSY || (code & 0xff) === SQLITE_LOCKED)) return null
    throw new StoreError(`the lock file ${path} cannot be used: ${(error as Error).message}`, {
      cause: error,
    })
  }
}

function held(database: DatabaseSync): FileLock {
  let open = true
  const release = () => {
    if (!open) return
    open = false
    database.close()
  }
  return { release, [Symbol.dispose]: release }
}
