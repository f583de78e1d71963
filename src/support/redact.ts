import { fingerprint, watched } from './secret.ts'

/**
 * The last net before every sink (log, alert, database text, HTTP error): secrets
 * by their known value, then by the shapes that providers and platforms use. The
 * first net is the `Secret` type; what is caught here is a bug that did no harm.
 */
const SHAPES: ReadonlyArray<RegExp> = [
  /sk-ant-[A-Za-z0-9_-]{8,}/g,
  // Telegram bot tokens, also inside a Bot API address.
  /(?<!\d)\d{6,}(?::|%3A)[A-Za-z0-9_-]{30,}/gi,
  // `code#state` of a sign-in, by its state of 32 random bytes.
  /[A-Za-z0-9_-]+#[A-Za-z0-9_-]{40,}/g,
  /xox[a-z]-[A-Za-z0-9-]{10,}|xapp-[A-Za-z0-9-]{10,}/g,
  /\b(?:Bearer|Basic) +[A-Za-z0-9._~+/=-]{12,}/gi,
  /\bwhsec_[A-Za-z0-9+/=]{16,}/g,
]

/** `user:password@` in an address, and the parameters of a redirect that carries a code. */
const URL_PASSWORD = /([a-z][a-z0-9+.-]*:\/\/[^\s:@/]*):[^\s@/]+@/gi
const URL_PARAMETERS =
  /([?&#](?:code|state|access_token|refresh_token|token|ticket|code_verifier|client_secret)=)[^&\s"']+/gi

/** `text` with everything that looks like a secret replaced by its fingerprint. */
export function redact(text: string): string {
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
