import { watch as watchFolder, type FSWatcher } from 'node:fs'
import { stat } from 'node:fs/promises'
import { basename, dirname } from 'node:path'

/** Fallback poll: renames behind a symbolic link, and file systems that send no events, are still noticed in time. */
const POLL_MS = 2_000
/** One write causes several events. */
const SETTLE_MS = 25

/**
 * Calls `listener` after the file at `path` has changed, appeared or gone, within
 * about 2 s at most. Does not keep the process alive.
 */
export function watchFile(path: string, listener: () => void): Disposable {
  let seen: string | undefined
  let closed = false
  let settling: NodeJS.Timeout | undefined
  let watcher: FSWatcher | undefined

  const check = async () => {
    const now = await signature(path)
    if (closed || now === seen) return
    const first = seen === undefined
    seen = now
    if (!first) listener()
  }
  const openWatcher = () => {
    try {
      watcher = watchFolder(dirname(path), { persistent: false }, (_event, name) => {
        if (name !== null && name !== basename(path)) return
        clearTimeout(settling)
        settling = setTimeout(() => void check(), SETTLE_MS).unref()
      })
      watcher.on('error', () => {
        watcher?.close()
        watcher = undefined
      })
    } catch {
      // The folder is not there yet, or the system has no watches left: the poll sees it.
      watcher = undefined
    }
  }
  void check()
  openWatcher()
  const poll = setInterval(() => {
    if (!watcher) openWatcher()
    void check()
  }, POLL_MS).unref()

  return {
    [Symbol.dispose]() {
      closed = true
      clearInterval(poll)
      clearTimeout(settling)
      watcher?.close()
    },
  }
}

async function signature(path: string): Promise<string> {
  try {
    const { ino, size, mtimeMs, ctimeMs } = await stat(path)
    return `${ino}:${size}:${mtimeMs}:${ctimeMs}`
  } catch (error) {
    return `${(error as NodeJS.ErrnoException).code}`
  }
}
