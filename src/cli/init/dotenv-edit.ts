import { ConfigurationError } from '../../support/errors.ts'

/**
 * Sets variables in the text of a `.env`: existing lines are replaced in place, new ones are appended;
 * comments and other variables are kept.
 *
 * @throws ConfigurationError for a value that cannot be quoted
 */
export function withVariables(text: string, variables: ReadonlyMap<string, string>): string {
  const lines = text === '' ? [] : text.replace(/\n$/, '').split('\n')
  for (const [name, value] of variables) {
    const assignment = `${name}=${quoted(name, value)}`
    // If a name occurs twice, the last line wins.
    const at = lines.findLastIndex((line) => nameIn(line) === name)
    if (at === -1) lines.push(assignment)
    else lines[at] = assignment
  }
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`
}

/** The name of the variable that a line sets; null = none. */
export function nameIn(line: string): string | null {
  return /^\s*(?:export\s+)?([A-Za-z_]\w*)\s*=/.exec(line)?.[1] ?? null
}

/** @see https://nodejs.org/api/util.html#utilparseenvcontent */
function quoted(name: string, value: string): string {
  if (/^[\w@%+=:,./~*-]*$/.test(value)) return value
  const mark = ["'", '"', '`'].find((each) => !value.includes(each))
  if (mark === undefined || value.includes('\n')) {
    throw new ConfigurationError(
      `${name} contains every kind of quote, or a newline, and cannot be written to .env.`,
    )
  }
  return `${mark}${value}${mark}`
}
