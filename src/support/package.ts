import { readFileSync } from 'node:fs'

/**
 * The folder of `package.json`, with a slash at its end. This file stands two folders below it as source,
 * and so do the built ones; nothing else may look for files of the package by its own place.
 */
export const PACKAGE_ROOT = new URL('../../', import.meta.url)

/** The program's version, from package.json. */
export const VERSION: string = (
  JSON.parse(readFileSync(new URL('package.json', PACKAGE_ROOT), 'utf8')) as { version: string }
).version
