import { MINUTE, SECOND, type Clock } from './clock.ts'

const EVERY_MS = 10 * SECOND
/** Under a steady load less than that is free for a moment, and soon used again. */
const MOST_KEPT_BYTES = 96 * 1024 * 1024
/** Within this V8 has returned what it can. */
const LONGEST_MS = MINUTE

type Usage = Pick<NodeJS.MemoryUsage, 'rss' | 'heapTotal' | 'external'>

export interface ReturnFreeMemoryOptions {
  readonly clock: Clock
  readonly usage: () => Usage
  readonly setFlag: (flag: string) => void
}

/**
 * Lets V8 return memory to the system after a burst. By itself it keeps the pages that a collection has emptied, for
 * as long as the process lives: one moment of 400 MB, and it stays that large. In its memory saver mode it returns
 * them, and collects so much more often that under load a message costs a quarter more; so the mode is on only while
 * much is kept.
 */
export function returnFreeMemory({ clock, usage, setFlag }: ReturnFreeMemoryOptions): Disposable {
  const outsideTheHeap = (): number => {
    const { rss, heapTotal, external } = usage()
    return rss - heapTotal - external
  }
  /** The program, its stacks, what its libraries and other threads use. */
  let used = outsideTheHeap()
  let savingSince: number | null = null

  const save = (now: number | null): void => {
    savingSince = now
    setFlag(now === null ? '--no-memory-saver-mode' : '--memory-saver-mode')
  }
  const check = (): void => {
    timer = clock.setTimer(check, EVERY_MS)
    const now = clock.monotonic()
    const outside = outsideTheHeap()
    used = Math.min(used, outside)
    const kept = outside - used
    if (savingSince === null) {
      if (kept > MOST_KEPT_BYTES) save(now)
    } else if (kept < MOST_KEPT_BYTES / 2) {
      save(null)
    } else if (now - savingSince >= LONGEST_MS) {
      // What is left is in use.
      used = outside
      save(null)
    }
  }
  let timer = clock.setTimer(check, EVERY_MS)
  return { [Symbol.dispose]: () => timer.cancel() }
}
