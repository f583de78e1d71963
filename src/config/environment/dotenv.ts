import { readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import { distance } from 'fastest-levenshtein'
import { ConfigurationError } from '../../support/errors.ts'
import { ENVIRONMENT_KEYS, LOWER_CASE_TOO } from './environment-keys.ts'

/** The variables of a process, as `process.env` has them. */
export type Variables = Readonly<Record<string, string | undefined>>

/**
 * Reads a `.env`; a missing one is empty.
 *
 * @throws ConfigurationError when it is there and cannot be read
 */
export function readDotenv(path: string): Variables {
  return parseDotenv(readDotenvText(path))
}

/** The text of a `.env`; a missing one is empty. @throws ConfigurationError when it is there and cannot be read */
export function readDotenvText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return ''
    throw new ConfigurationError(`${path} cannot be read (${code}).`, { cause: error })
  }
}

/** A line that sets a variable to something without quotation marks. */
const UNQUOTED = /^[^\S\n]*(?:export[^\S\n]+)?([A-Za-z_]\w*)[^\S\n]*=[^\S\n]*([^\s'"`#].*|(?<==)#\S.*)$/gm

/**
 * The variables in the text of a `.env`. A comment begins at the start of a line or after
 * white space, as a shell and Hermes Agent have it; Node's parser would truncate
 * `abc#def`, silently cutting a password.
 *
 * @see https://nodejs.org/api/util.html#utilparseenvcontent for everything else
 */
export function parseDotenv(text: string): Variables {
  const content = linesOf(text).join('\n')
  const variables: Record<string, string | undefined> = parseEnv(content)
  for (const [, name = '', rest = ''] of content.matchAll(UNQUOTED)) {
    // Inside a multi-line value it is not an assignment.
    if (variables[name] === rest.split('#', 1)[0]!.trimEnd()) {
      variables[name] = rest.replace(/\s+#.*/, '').trimEnd()
    }
  }
  return variables
}

/** Some editors mark the beginning of a file, and end lines with a carriage return alone. */
function linesOf(text: string): readonly string[] {
  return text.replace(/^\ufeff/, '').split(/\r\n?|\n/)
}

const ASSIGNMENT = /^\s*(?:export\s+)?[A-Za-z_][\w.-]*\s*=\s*(["'`]?)/
/** More would say nothing new about a file that is something else altogether. */
const MAX_WARNINGS = 5

/** Warnings about lines that look as if they set something and do not. They hold no value: it may be a secret. */
export function oddLines(text: string): string[] {
  const lines = linesOf(text)
  const warnings: string[] = []
  for (let at = 0; at < lines.length && warnings.length < MAX_WARNINGS; at++) {
    const line = lines[at]!
    const assignment = ASSIGNMENT.exec(line)
    if (assignment) {
      at = endOfValue(lines, at, assignment[1]!, assignment[0].length)
    } else if (line.trim() !== '' && !line.trimStart().startsWith('#')) {
      const words = line.split(/\W+/)
      const name = ENVIRONMENT_KEYS.find((key) => words.includes(key)) ?? 'NAME'
      warnings.push(`line ${at + 1} of .env sets nothing: write ${name}=value, and nothing before it.`)
    }
  }
  return warnings
}

/** The line in which a value ends that begins in line `at`: only one in quotation marks has several. */
function endOfValue(lines: readonly string[], at: number, quote: string, begin: number): number {
  if (quote === '' || lines[at]!.includes(quote, begin)) return at
  const end = lines.findIndex((line, index) => index > at && line.includes(quote))
  return end === -1 ? at : end
}

const KNOWN: ReadonlySet<string> = new Set([
  ...ENVIRONMENT_KEYS,
  ...[...LOWER_CASE_TOO].map((key) => key.toLowerCase()),
])
/** A larger edit distance is another program's variable, not a typo. */
const SLIP = 2

/** Warnings about names in a `.env` that are probably typos of ours; the rest belongs to other programs. */
export function likelySlips(file: Variables): string[] {
  return Object.keys(file)
    .filter((name) => !KNOWN.has(name))
    .flatMap((name) => {
      const near = ENVIRONMENT_KEYS.find((key) => distance(name.toUpperCase(), key) <= SLIP)
      return near ? [`${name} in .env means nothing to this gateway. Did you mean ${near}?`] : []
    })
}
