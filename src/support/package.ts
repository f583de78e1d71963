import { readFileSync } from 'node:fs'

/**
 * The folder of `package.json`, with a slash at its end. This file is two folders below it, both as source
 * and as built; no other module may locate files of the package by its own path.
 */
export const PACKAGE_ROOT = new URL('../../', import.meta.url)

/** The program's version, from package.json. */
export const VERSION: string = (
  JSON.parse(readFileSync(new URL('package.json', PACKAGE_ROOT), 'utf8')) as { version: string }
).version
