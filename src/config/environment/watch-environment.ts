import { readFileSync, watch, type FSWatcher } from 'node:fs'
import { basename, dirname } from 'node:path'
import { SECOND } from '../../support/clock.ts'
import { readDotenv, type Variables } from './dotenv.ts'
import { readEnvironment, type EnvironmentReading } from './environment.ts'

/** Editors write in several steps; wait for the last one. */
const SETTLE_MS = 50

/** The longest time between a change of `.env` and its use, where the file system sends no events. */
const POLL_MS = 4 * SECOND

/**
 * Calls `listener` with the new environment whenever the content of the `.env` at `path`
 * has changed, also when the file is created, removed or replaced. Watches the folder (a
 * watched file is lost when an editor renames a new one over it), and polls for file
 * systems that send no events. A file that cannot be read right now is skipped. Does not
 * keep the process alive.
 */
export function watchEnvironment(
  path: string,
  processEnv: Variables,
  listener: (reading: EnvironmentReading) => void,
  pollMs: number = POLL_MS,
): Disposable {
  let known = contentOf(path)
  let settling: NodeJS.Timeout | undefined
  const look = () => {
    const content = contentOf(path)
    if (content === null || content === known) return
    known = content
    listener(readEnvironment(readDotenv(path), processEnv))
  }
  const soon = () => {
    clearTimeout(settling)
    settling = setTimeout(look, SETTLE_MS)
    settling.unref()
  }
  const poll = setInterval(look, pollMs)
  poll.unref()
  const watcher = watchFolder(dirname(path), (name) => {
    if (name === null || name === basename(path)) soon()
  })
  return {
    [Symbol.dispose]() {
      clearTimeout(settling)
      clearInterval(poll)
      watcher?.close()
    },
  }
}

/** The content; '' = no such file, null = unreadable right now. */
function contentOf(path: string): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? '' : null
  }
}

function watchFolder(folder: string, listener: (name: string | null) => void): FSWatcher | null {
  try {
    const watcher = watch(folder, { persistent: false }, (_event, name) => listener(name))
    // Out of watches, or the folder was removed: the poll continues.
    watcher.on('error', () => watcher.close())
    return watcher
  } catch {
    return null
  }
}
