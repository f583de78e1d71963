import { readFileSync } from 'node:fs'

/** The program's version, from package.json: it stands two folders above in the checkout and in the package alike. */
export const VERSION: string = (
  JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }
).version
