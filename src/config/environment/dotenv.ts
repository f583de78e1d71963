import { readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import { distance } from 'fastest-levenshtein'
import { ConfigurationError } from '../../support/errors.ts'
import { ENVIRONMENT_KEYS } from './environment-keys.ts'

/** The variables of a process, as `process.env` has them. */
export type Variables = Readonly<Record<string, string | undefined>>

/**
 * Reads a `.env`; a missing one is empty.
 *
 * @throws ConfigurationError when it is there and cannot be read
 */
export function readDotenv(path: string): Variables {
  try {
    return parseDotenv(readFileSync(path, 'utf8'))
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return {}
    throw new ConfigurationError(`${path} cannot be read (${code}).`, { cause: error })
  }
}

/** A line that sets a variable to something without quotation marks. */
const UNQUOTED = /^[^\S\n]*(?:export[^\S\n]+)?([A-Za-z_]\w*)[^\S\n]*=[^\S\n]*([^\s'"`#].*)$/gm

/**
 * The variables in the text of a `.env`. A comment begins at the start of a line or after
 * white space, as a shell and Hermes Agent have it; Node's parser would truncate
 * `abc#def`, silently cutting a password.
 *
 * @see https://nodejs.org/api/util.html#utilparseenvcontent for everything else
 */
export function parseDotenv(text: string): Variables {
  const content = text.replace(/^\ufeff/, '')
  const variables: Record<string, string | undefined> = parseEnv(content)
  for (const [, name = '', rest = ''] of content.matchAll(UNQUOTED)) {
    // Inside a multi-line value it is not an assignment.
    if (variables[name] === rest.split('#', 1)[0]!.trimEnd()) {
      variables[name] = rest.replace(/\s+#.*/, '').trimEnd()
    }
  }
  return variables
}

/** A larger edit distance is another program's variable, not a typo. */
const SLIP = 2

/** Warnings about names in a `.env` that are probably typos of ours; the rest belongs to other programs. */
export function likelySlips(file: Variables): string[] {
  return Object.keys(file)
    .filter((name) => !(ENVIRONMENT_KEYS as readonly string[]).includes(name))
    .flatMap((name) => {
      const near = ENVIRONMENT_KEYS.find((key) => distance(name, key) <= SLIP)
      return near ? [`${name} in .env means nothing to this gateway. Did you mean ${near}?`] : []
    })
}
