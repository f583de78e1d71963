import { mkdirSync, rmdirSync, statSync, utimesSync } from 'node:fs'

/** What tells one making of a directory from the next: inodes are used again at once, times of birth are not. */
export interface DirectoryIdentity {
  readonly path: string
  readonly inode: string
  /** Nanoseconds; '0' where the file system does not know. */
  readonly born: string
}

/**
 * A lock in the shape that Claude Code uses: a directory that exists while the lock
 * is held, and whose mtime says that its holder lives. Anybody may take it away
 * once it looks stale, so a holder must ask `stillOurs` before anything that counts.
 *
 * The calls are synchronous, microseconds each, so that nothing of this process can
 * come between looking and doing.
 */
export class DirectoryLock {
  readonly identity: DirectoryIdentity
  /** It was stale and has been taken over: somebody else may have judged so in the same moment. */
  readonly takenOver: boolean
  #touchedAt: bigint

  private constructor(identity: DirectoryIdentity, touchedAt: bigint, takenOver: boolean) {
    this.identity = identity
    this.takenOver = takenOver
    this.#touchedAt = touchedAt
  }

  /**
   * Takes the lock at `path` if it is free, or has been stale for `staleMs`; null otherwise.
   *
   * @throws NodeJS.ErrnoException when the folder rejects it (read-only, missing)
   */
  static tryAcquire(path: string, staleMs: number): DirectoryLock | null {
    const takenOver = !make(path)
    if (takenOver) {
      if (!isStale(path, staleMs)) return null
      try {
        rmdirSync(path)
      } catch {
        // Freed or taken this very moment, or not a lock at all: its holder keeps it.
        return null
      }
      if (!make(path)) return null
    }
    const stat = statSync(path, { bigint: true })
    const identity = { path, inode: String(stat.ino), born: String(stat.birthtimeNs) }
    return new DirectoryLock(identity, stat.mtimeNs, takenOver)
  }

  /** False when somebody else has removed or taken it. */
  stillOurs(): boolean {
    const stat = statSync(this.identity.path, { bigint: true, throwIfNoEntry: false })
    return stat !== undefined && matches(stat, this.identity) && stat.mtimeNs === this.#touchedAt
  }

  /** Says that the holder lives. Does nothing to a lock that is no longer ours. */
  touch(): void {
    if (!this.stillOurs()) return
    const now = new Date()
    utimesSync(this.identity.path, now, now)
    this.#touchedAt = statSync(this.identity.path, { bigint: true }).mtimeNs
  }

  /** Frees it, unless it is no longer ours. */
  release(): void {
    try {
      if (this.stillOurs()) rmdirSync(this.identity.path)
    } catch {
      // Gone already, which is what was wanted.
    }
  }
}

/** Removes the directory that `identity` names, if it is still that very one. */
export function removeAbandoned(identity: DirectoryIdentity): void {
  try {
    const stat = statSync(identity.path, { bigint: true, throwIfNoEntry: false })
    // Without a time of birth another program's lock on the same inode could not be told apart.
    if (stat && stat.birthtimeNs !== 0n && matches(stat, identity)) rmdirSync(identity.path)
  } catch {
    // Not ours to force: it will count as stale.
  }
}

function matches(stat: { ino: bigint; birthtimeNs: bigint }, identity: DirectoryIdentity): boolean {
  return String(stat.ino) === identity.inode && String(stat.birthtimeNs) === identity.born
}

function make(path: string): boolean {
  try {
    mkdirSync(path)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

/** By the real clock: the times of files are the kernel's, whatever a test's clock says. */
function isStale(path: string, staleMs: number): boolean {
  const stat = statSync(path, { throwIfNoEntry: false })
  return stat !== undefined && Date.now() - stat.mtimeMs > staleMs
}
