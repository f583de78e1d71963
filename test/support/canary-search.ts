import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Where secrets belong. */
const SECRET_FILES = new Set([
  '.env',
  'config.yaml',
  'credentials.json',
  'gateway.token',
  'gateway-tokens.json',
])

/** What was written or shown somewhere, by the name of the place. */
export interface Place {
  readonly name: string
  readonly bytes: string
}

/** Every file of a home in which no secret may stand; database, log and backups among them. */
export function filesOf(home: string): Place[] {
  return readdirSync(home, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !SECRET_FILES.has(entry.name))
    .map((entry) => {
      const path = join(entry.parentPath, entry.name)
      return { name: `the file ${path.slice(home.length + 1)}`, bytes: readFileSync(path, 'latin1') }
    })
}

/** The arguments and the environment of a process, of which everybody on the machine can see the arguments. */
export function processOf(pid: number): Place[] {
  return ['cmdline', 'environ'].map((what) => ({
    name: `${what} of ${pid}`,
    bytes: readFileSync(`/proc/${pid}/${what}`, 'latin1'),
  }))
}

/** The secrets that stand somewhere after all; half of one is one too many. */
export function leaks(places: readonly Place[], secrets: readonly string[]): string[] {
  const halves = secrets.flatMap((secret) => [
    secret.slice(0, secret.length / 2),
    secret.slice(-secret.length / 2),
  ])
  return places.flatMap(({ name, bytes }) =>
    halves.filter((half) => half !== '' && bytes.includes(half)).map((half) => `${half} in ${name}`),
  )
}
