/**
 * More than the program has statements: above it, SQL is generated somewhere, and preparing every text on
 * every connection would fill the server's memory.
 */
const MAX_NAMES = 400

const names = new Map<string, string>()

/** The name under which a statement is prepared, the same on all connections; null = do not prepare it. */
export function statementName(sql: string): string | null {
  const known = names.get(sql)
  if (known !== undefined) return known
  if (names.size >= MAX_NAMES) return null
  const name = `s${names.size}`
  names.set(sql, name)
  return name
}

/** A text that PostgreSQL can store: zero bytes are replaced by a visible sign, lone surrogates likewise. */
export function clean(text: string): string {
  const whole = text.isWellFormed() ? text : text.toWellFormed()
  return whole.includes('\0') ? whole.replaceAll('\0', '\u2400') : whole
}

/** A parameter of type json, every text in it clean. */
export function json(value: unknown): string {
  const text = JSON.stringify(value)
  if (isClean(text)) return text
  return JSON.stringify(value, (_, part: unknown) => (typeof part === 'string' ? clean(part) : part))
}

/** The value as it is after it was stored: every text in it clean. */
export function asStored<T>(value: T): T {
  return isClean(JSON.stringify(value)) ? value : (JSON.parse(json(value)) as T)
}

/** In JSON both can appear only as escape sequences. */
function isClean(text: string): boolean {
  return !text.includes('\\u0000') && !/\\ud[89a-f]/i.test(text)
}
