import { fingerprint, watched } from '../secret.ts'

/**
 * The last net before every sink (log, alert, database text, HTTP error): secrets
 * by their known value, then by the shapes that providers and platforms use. The
 * first net is the `Secret` type; what is caught here is a bug that did no harm.
 */
const SHAPES: ReadonlyArray<RegExp> = [
  /sk-ant-[A-Za-z0-9_-]{8,}/g,
  // Telegram bot tokens, also inside a Bot API address.
  /(?<!\d)\d{6,}(?::|%3A)[A-Za-z0-9_-]{30,}/gi,
  // `code#state` of a sign-in, by its state of 32 random bytes. Begun only where a word begins:
  // anywhere in it, a long word would be read once for each of its letters.
  /(?<![\w-])[\w-]+#[\w-]{40,}/g,
  /xox[a-z]-[A-Za-z0-9-]{10,}|xapp-[A-Za-z0-9-]{10,}/g,
  /\b(?:Bearer|Basic) +[A-Za-z0-9._~+/=-]{12,}/gi,
  /\bwhsec_[A-Za-z0-9+/=]{16,}/g,
]

/** `user:password@` in an address, and the parameters of a redirect that carries a code. */
const URL_PASSWORD = /(:\/\/[^\s:@/]*):[^\s@/]+@/g
const URL_PARAMETERS =
  /([?&#](?:code|state|access_token|refresh_token|token|ticket|code_verifier|client_secret)=)[^&\s"']+/gi

/** Nobody reads more of an error or a reason, and other programs send megabytes. */
const MAX_TEXT = 16 * 1024
/** Longer than any secret that a cut could go through. */
const LONGEST_SECRET = 1_024
const CUT = ' … (cut)'

/** At most the first 16,384 characters of `text`, and everything in it that looks like a secret replaced by its fingerprint. */
export function redact(text: string): string {
  return redactWhole(shortened(text, MAX_TEXT))
}

/** A line of the log in JSON. What is longer keeps its fields, with short values. */
const MAX_LINE = 32 * 1024
/** A stack or the words of a server; a line has a dozen fields. */
const MAX_FIELD = 2 * 1024

/** As `redact`, for a whole line of JSON: a long one stays JSON. */
export function redactLine(line: string): string {
  if (line.length <= MAX_LINE) return redactWhole(line)
  const short = `${JSON.stringify(JSON.parse(line), shortField)}\n`
  if (short.length <= MAX_LINE) return redactWhole(short)
  const { level, time, msg } = JSON.parse(short) as Record<string, unknown>
  return redactWhole(`${JSON.stringify({ level, time, msg, cut: true })}\n`)
}

function shortField(_key: string, value: unknown): unknown {
  return typeof value === 'string' ? shortened(value, MAX_FIELD) : value
}

/** Ends before the word that the cut would go through: half of a secret has no shape that is recognised. */
function shortened(text: string, limit: number): string {
  if (text.length <= limit) return text
  const least = limit - LONGEST_SECRET
  let end = limit
  while (end > least && !/[\s"']/.test(text[end]!)) end--
  return text.slice(0, end).toWellFormed() + CUT
}

function redactWhole(text: string): string {
  let result = text
  for (const value of watched) {
    if (result.includes(value)) result = result.replaceAll(value, mark(value))
  }
  for (const shape of SHAPES) result = result.replace(shape, mark)
  return result.replace(URL_PASSWORD, '$1:[secret]@').replace(URL_PARAMETERS, '$1[secret]')
}

function mark(value: string): string {
  return `[secret ${fingerprint(value)}]`
}
