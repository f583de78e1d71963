import { readFileSync } from 'node:fs'
import { watchFile } from '../../support/files/file-watch.ts'
import { readDotenv, type Variables } from './dotenv.ts'
import { readEnvironment, type EnvironmentReading } from './environment.ts'

/**
 * Calls `listener` with the new environment whenever the content of the `.env` at `path`
 * has changed, also when the file is created, removed or replaced. A file that cannot be
 * read right now is skipped until it can. Does not keep the process alive.
 */
export function watchEnvironment(
  path: string,
  processEnv: Variables,
  listener: (reading: EnvironmentReading) => void,
  pollMs?: number,
): Disposable {
  let known = contentOf(path)
  const check = () => {
    const content = contentOf(path)
    if (content === null) return false
    if (content === known) return true
    known = content
    listener(readEnvironment(readDotenv(path), processEnv))
    return true
  }
  return watchFile(path, check, pollMs)
}

/** The content; '' = no such file, null = unreadable right now. */
function contentOf(path: string): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? '' : null
  }
}
