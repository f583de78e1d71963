import { readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import { distance } from 'fastest-levenshtein'
import { ConfigurationError } from '../support/errors.ts'
import { ENVIRONMENT_KEYS } from './environment-keys.ts'

/** The variables of a process, as `process.env` has them. */
export type Variables = Readonly<Record<string, string | undefined>>

/**
 * Reads a `.env`; a missing one is empty.
 *
 * @throws ConfigurationError when it is there and cannot be read
 * @see https://nodejs.org/api/util.html#utilparseenvcontent for quotes and comments
 */
export function readDotenv(path: string): Variables {
  try {
    return parseEnv(readFileSync(path, 'utf8').replace(/^\ufeff/, ''))
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return {}
    throw new ConfigurationError(`${path} cannot be read (${code}).`, { cause: error })
  }
}

/** More than this many letters apart is another program's variable, not a slip. */
const SLIP = 2

/** Warnings about names in a `.env` that are probably slips of ours; everything else there belongs to others. */
export function likelySlips(file: Variables): string[] {
  return Object.keys(file)
    .filter((name) => !(ENVIRONMENT_KEYS as readonly string[]).includes(name))
    .flatMap((name) => {
      const near = ENVIRONMENT_KEYS.find((key) => distance(name, key) <= SLIP)
      return near ? [`${name} in .env means nothing to this gateway. Did you mean ${near}?`] : []
    })
}
