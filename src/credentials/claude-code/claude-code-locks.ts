import { readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { SECOND, systemClock } from '../../support/clock.ts'
import { StoreError } from '../../support/errors.ts'
import { acquireFileLock, type FileLock } from '../../support/files/file-lock.ts'
import type { RotationLock } from '../rotation/rotation.ts'
import { DirectoryLock, removeAbandoned, type DirectoryIdentity } from './directory-lock.ts'

/** Current versions take a lock away at this age. (Older ones, which know only the second, at 10 s.) */
const STALE_MS = 60 * SECOND
/** At least every 2 s by the protocol; twice as often, so that one late timer does no harm. */
const TOUCH_MS = SECOND
const RETRY_MS = 20
/** Far longer than a process needs, even on a busy machine, from seeing a stale lock to removing it. */
const TAKEOVER_MS = SECOND
/** Writers of the file hold its own lock for milliseconds. */
const WRITE_LOCK_WAIT_MS = 5 * SECOND
/** How long a result waits for locks that were lost while this process was stopped. */
const REACQUIRE_WAIT_MS = 5 * SECOND

export interface ClaudeCodeLocksOptions {
  /** Claude Code's folder. */
  readonly configDir: string
  /** Our own home: the lock among our own processes, and the record of what we hold. */
  readonly home: string
}

/**
 * The locks of Claude Code's sign-in, taken as Claude Code takes them, behind a
 * kernel lock of our own. What is held is written into a record in our home first,
 * so that after a crash exactly our own locks can be removed: an abandoned one makes
 * the person's own program fail.
 */
export class ClaudeCodeLocks {
  readonly #options: ClaudeCodeLocksOptions

  constructor(options: ClaudeCodeLocksOptions) {
    this.#options = options
  }

  /** Takes all locks of a refresh; null when somebody else holds one for `waitMs`. @throws when they cannot be made */
  async acquire(waitMs: number, signal: AbortSignal): Promise<ClaudeCodeLock | null> {
    const giveUpAt = systemClock.monotonic() + waitMs
    const ours = await acquireFileLock(join(this.#options.home, 'claude-code.refresh.lock'), {
      waitMs,
      signal,
    })
    if (!ours) return null
    const record = new LockRecord(join(this.#options.home, 'claude-code.locks.json'))
    const lock = new ClaudeCodeLock(this.#options.configDir, ours, record)
    try {
      // We hold our own lock, so the process that wrote the record is dead.
      record.cleanUp()
      if (await lock.acquireBoth(giveUpAt, signal)) return lock
    } catch (error) {
      await lock.release()
      throw error
    }
    await lock.release()
    return null
  }
}

/** Both locks of a refresh, held; their mtimes are kept young until they are released. */
export class ClaudeCodeLock implements RotationLock {
  readonly #configDir: string
  readonly #ours: FileLock
  readonly #record: LockRecord
  readonly #touching: NodeJS.Timeout
  #held: DirectoryLock[] = []

  constructor(configDir: string, ours: FileLock, record: LockRecord) {
    this.#configDir = configDir
    this.#ours = ours
    this.#record = record
    this.#touching = setInterval(() => this.#touch(), TOUCH_MS).unref()
  }

  async stillOurs(): Promise<boolean> {
    return this.#held.length === 2 && this.#held.every((lock) => lock.stillOurs())
  }

  async release(): Promise<void> {
    clearInterval(this.#touching)
    this.#releaseBoth()
    this.#ours.release()
  }

  /** First the newer lock, then the one that older versions know too; false when time is up. */
  async acquireBoth(giveUpAt: number, signal?: AbortSignal): Promise<boolean> {
    const paths = [join(this.#configDir, '.oauth_refresh.lock'), `${realpathSync(this.#configDir)}.lock`]
    for (const path of paths) {
      const lock = await this.#waitFor(path, giveUpAt, signal)
      if (!lock) {
        this.#releaseBoth()
        return false
      }
      this.#held.push(lock)
      // In the same tick: a crash can hardly come between the making and the record.
      this.#record.add(lock.identity)
    }
    return true
  }

  /** Makes sure of both locks before a write, taking them again if this process slept through their time. */
  async reacquire(): Promise<boolean> {
    if (await this.stillOurs()) return true
    this.#releaseBoth()
    return this.acquireBoth(systemClock.monotonic() + REACQUIRE_WAIT_MS)
  }

  /** Runs `write` under the lock of the file's writers. @throws StoreError when that cannot be had */
  async whileWriting<T>(write: () => Promise<T>): Promise<T> {
    const path = join(this.#configDir, '.storage-write.lock')
    const lock = await this.#waitFor(path, systemClock.monotonic() + WRITE_LOCK_WAIT_MS)
    if (!lock) throw new StoreError('another program keeps writing Claude Code’s sign-in file')
    try {
      this.#record.addIfRoom(lock.identity)
      return await write()
    } finally {
      lock.release()
      this.#record.remove(lock.identity)
    }
  }

  async #waitFor(path: string, giveUpAt: number, signal?: AbortSignal): Promise<DirectoryLock | null> {
    for (;;) {
      const lock = DirectoryLock.tryAcquire(path, STALE_MS)
      if (lock && (!lock.takenOver || (await this.#survivesTakeover(lock, signal)))) return lock
      if (systemClock.monotonic() >= giveUpAt) return null
      await pause(RETRY_MS, undefined, signal ? { signal } : {})
    }
  }

  /**
   * Two who find the same stale lock can throw one another out: the slower one removes
   * what the faster one has just made. So a lock that was taken over counts only when it
   * is still ours after everybody else's moment has passed.
   */
  async #survivesTakeover(lock: DirectoryLock, signal?: AbortSignal): Promise<boolean> {
    this.#record.addIfRoom(lock.identity)
    try {
      await pause(TAKEOVER_MS, undefined, signal ? { signal } : {})
      return lock.stillOurs()
    } catch (error) {
      lock.release()
      throw error
    } finally {
      this.#record.remove(lock.identity)
    }
  }

  #touch(): void {
    for (const lock of this.#held) lock.touch()
  }

  #releaseBoth(): void {
    for (const lock of this.#held.toReversed()) {
      lock.release()
      this.#record.remove(lock.identity)
    }
    this.#held = []
  }
}

/** Which directories are ours. Kept by the kernel's page cache through a kill; after a power cut the rule of stale locks helps. */
class LockRecord {
  readonly #path: string
  #held: DirectoryIdentity[] = []

  constructor(path: string) {
    this.#path = path
  }

  /** @throws NodeJS.ErrnoException when the disk rejects it */
  add(identity: DirectoryIdentity): void {
    this.#held.push(identity)
    this.#save()
  }

  /** For the lock of a write: an answer has come, and a full disk of ours must not keep it from theirs. */
  addIfRoom(identity: DirectoryIdentity): void {
    this.#held.push(identity)
    this.#saveIfRoom()
  }

  /** A record that names a lock too many is harmless: by then that directory is gone. */
  remove(identity: DirectoryIdentity): void {
    this.#held = this.#held.filter((each) => each !== identity)
    this.#saveIfRoom()
  }

  /** Removes what a dead process of ours left, newest first. */
  cleanUp(): void {
    for (const identity of this.#load().toReversed()) removeAbandoned(identity)
    this.#save()
  }

  #load(): DirectoryIdentity[] {
    try {
      const { locks } = JSON.parse(readFileSync(this.#path, 'utf8')) as { locks?: DirectoryIdentity[] }
      return Array.isArray(locks) ? locks : []
    } catch {
      return []
    }
  }

  #saveIfRoom(): void {
    try {
      this.#save()
    } catch {
      // The rule of stale locks is left.
    }
  }

  #save(): void {
    if (this.#held.length === 0) rmSync(this.#path, { force: true })
    else writeFileSync(this.#path, JSON.stringify({ version: 1, locks: this.#held }), { mode: 0o600 })
  }
}
