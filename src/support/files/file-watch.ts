import { statSync, watch as watchFolder, type FSWatcher, type Stats } from 'node:fs'
import { stat } from 'node:fs/promises'
import { basename, dirname } from 'node:path'

/** Fallback poll: renames behind a symbolic link, and file systems that send no events, are still noticed in time. */
const POLL_MS = 2_000
/** One write causes several events. */
const SETTLE_MS = 25
/** The signature of no file. */
const UNREAD = 'unread'

/**
 * Calls `listener` after the file at `path` has changed, appeared or gone since now, within
 * about 2 s at most. Does not keep the process alive.
 *
 * @param listener returns false where the file cannot be read right now: it is called again with the next look
 */
export function watchFile(path: string, listener: () => unknown, pollMs: number = POLL_MS): Disposable {
  let seen = signatureNow(path)
  let closed = false
  let settling: NodeJS.Timeout | undefined
  let watcher: FSWatcher | undefined

  const check = async () => {
    const now = await signature(path)
    if (closed || now === seen) return
    seen = listener() === false ? UNREAD : now
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
  openWatcher()
  const poll = setInterval(() => {
    if (!watcher) openWatcher()
    void check()
  }, pollMs).unref()

  return {
    [Symbol.dispose]() {
      closed = true
      clearInterval(poll)
      clearTimeout(settling)
      watcher?.close()
    },
  }
}

function signature(path: string): Promise<string> {
  return stat(path).then(signatureOf, codeOf)
}

/** As `signature`: what changes right after the call is a change. */
function signatureNow(path: string): string {
  try {
    return signatureOf(statSync(path))
  } catch (error) {
    return codeOf(error)
  }
}

function signatureOf({ ino, size, mtimeMs, ctimeMs }: Stats): string {
  return `${ino}:${size}:${mtimeMs}:${ctimeMs}`
}

function codeOf(error: unknown): string {
  return `${(error as NodeJS.ErrnoException).code}`
}
