import { ConfigurationError } from '../../support/errors.ts'

/**
 * The text of a `.env` with these variables set: a line that sets one is replaced where it
 * stands, a new one goes to the end; comments and other programs' variables stay as they are.
 *
 * @throws ConfigurationError for a value that no quotation mark can hold
 */
export function withVariables(text: string, variables: ReadonlyMap<string, string>): string {
  const lines = text === '' ? [] : text.replace(/\n$/, '').split('\n')
  for (const [name, value] of variables) {
    const assignment = `${name}=${quoted(name, value)}`
    // The last one counts when a name stands there twice.
    const at = lines.findLastIndex((line) => nameIn(line) === name)
    if (at === -1) lines.push(assignment)
    else lines[at] = assignment
  }
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`
}

/** The variable that a line sets; null = none. */
export function nameIn(line: string): string | null {
  return /^\s*(?:export\s+)?([A-Za-z_]\w*)\s*=/.exec(line)?.[1] ?? null
}

/** @see https://nodejs.org/api/util.html#utilparseenvcontent */
function quoted(name: string, value: string): string {
  if (/^[\w@%+=:,./~*-]*$/.test(value)) return value
  const mark = ["'", '"', '`'].find((each) => !value.includes(each))
  if (mark === undefined || value.includes('\n')) {
    throw new ConfigurationError(`${name} holds quotation marks of every kind and cannot be written to .env.`)
  }
  return `${mark}${value}${mark}`
}
