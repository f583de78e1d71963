import { realpathSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { DirectoryLock } from '../credentials/claude-code/directory-lock.ts'
import { SECOND, systemClock } from '../support/clock.ts'

/** The other programs take a lock away at this age. */
const STALE_MS = 60 * SECOND
/** As often as they do. */
const TOUCH_MS = 5 * SECOND
const RETRY_MS = 20
/** Longer than a process needs from seeing a stale lock to removing it. */
const TAKEOVER_MS = SECOND

/**
 * The lock that Claude Code takes round a refresh of a profile: a directory next to its
 * credentials file. It holds among gateways as well.
 */
export class ProfileLock implements Disposable {
  readonly #directory: DirectoryLock
  readonly #touching: NodeJS.Timeout

  private constructor(directory: DirectoryLock) {
    this.#directory = directory
    this.#touching = setInterval(() => directory.touch(), TOUCH_MS).unref()
  }

  /**
   * @param file the credentials file, whether it exists or not
   * @returns null when another program holds the lock for `waitMs`
   * @throws NodeJS.ErrnoException when it cannot be made in the folder; the reason of `signal`
   */
  static async acquire(file: string, waitMs: number, signal: AbortSignal): Promise<ProfileLock | null> {
    const path = `${realPath(file)}.lock`
    const giveUpAt = systemClock.monotonic() + waitMs
    for (;;) {
      signal.throwIfAborted()
      const directory = DirectoryLock.tryAcquire(path, STALE_MS)
      if (directory) {
        const lock = new ProfileLock(directory)
        if (await lock.#survivesTakeover()) return lock
        lock[Symbol.dispose]()
      }
      if (systemClock.monotonic() >= giveUpAt) return null
      await pause(RETRY_MS)
    }
  }

  /** False when this process was held up for so long that another one has taken the lock. */
  stillOurs(): boolean {
    return this.#directory.stillOurs()
  }

  [Symbol.dispose](): void {
    clearInterval(this.#touching)
    this.#directory.release()
  }

  /** Two who find the same stale lock can throw one another out: it counts when everybody's moment has passed. */
  async #survivesTakeover(): Promise<boolean> {
    if (!this.#directory.takenOver) return true
    await pause(TAKEOVER_MS)
    return this.stillOurs()
  }
}

function realPath(file: string): string {
  try {
    return realpathSync(file)
  } catch {
    // Not there: then there is no link to follow.
    return file
  }
}
