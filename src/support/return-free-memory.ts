import { MINUTE, SECOND, type Clock } from './clock.ts'

const EVERY_MS = 10 * SECOND
/** A steady load of many conversations needs less than that. */
const MUCH_BYTES = 96 * 1024 * 1024
/** Within this V8 has returned what it can. */
const LONGEST_MS = MINUTE

export interface ReturnFreeMemoryOptions {
  readonly clock: Clock
  /** Resident memory, in bytes. */
  readonly resident: () => number
  readonly setFlag: (flag: string) => void
}

/**
 * Lets V8 return memory to the system after a burst. Otherwise it keeps the pages that a collection has emptied, for
 * as long as the process lives: one moment of 400 MB, and it stays that large. In its memory saver mode it returns
 * them, and collects so much more often that under load a message costs a quarter more; so the mode is on only for a
 * while after the memory has grown by much.
 */
export function returnFreeMemory({ clock, resident, setFlag }: ReturnFreeMemoryOptions): Disposable {
  /** What is in use, as far as is known: the least there was since it was last tried. */
  let used = resident()
  let savingSince: number | null = null

  const save = (since: number | null): void => {
    savingSince = since
    setFlag(since === null ? '--no-memory-saver-mode' : '--memory-saver-mode')
  }
  const check = (): void => {
    timer = clock.setTimer(check, EVERY_MS)
    const now = clock.monotonic()
    const bytes = resident()
    used = Math.min(used, bytes)
    if (savingSince === null) {
      if (bytes - used > MUCH_BYTES) save(now)
    } else if (bytes - used < MUCH_BYTES / 2) {
      save(null)
    } else if (now - savingSince >= LONGEST_MS) {
      used = bytes
      save(null)
    }
  }
  let timer = clock.setTimer(check, EVERY_MS)
  return { [Symbol.dispose]: () => timer.cancel() }
}
