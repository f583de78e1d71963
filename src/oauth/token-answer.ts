import { parseRetryAfter } from '../support/backoff.ts'
import { DAY, HOUR, SECOND } from '../support/clock.ts'
import { isObject } from '../support/files/private-file.ts'
import { Secret } from '../support/secret.ts'

/** What came back, not parsed yet. */
export type TokenAnswer =
  | { readonly kind: 'answer'; readonly status: number; readonly headers: Headers; readonly body: string }
  /** The status line came, and then no whole body: cut off, too slow, or larger than a token answer can be. */
  | { readonly kind: 'cut'; readonly status: number; readonly headers: Headers; readonly why: string }
  /** No connection was made: the grant cannot have arrived. */
  | { readonly kind: 'not-sent'; readonly why: string }
  /** The request may have arrived; no answer did. */
  | { readonly kind: 'no-answer'; readonly why: string }

/** What a token endpoint issued. */
export interface IssuedTokens {
  readonly accessToken: Secret
  /** null: none was issued, the old one stays valid. */
  readonly refreshToken: Secret | null
  /** One came that cannot be used, and the old one may be spent. */
  readonly refreshTokenUnusable?: true
  /** Milliseconds from the answer. */
  readonly expiresInMs: number
  /** The answer's own value was missing or odd, and an hour is assumed. */
  readonly expiryAssumed: boolean
  /** Milliseconds until the sign-in itself ends; null = not said. */
  readonly loginExpiresInMs: number | null
  /** null = not said. */
  readonly scopes: readonly string[] | null
  readonly accountId: string | null
  readonly accountEmail: string | null
  readonly organizationId: string | null
}

/** What an answer means for the grant that was sent. */
export type ParsedAnswer =
  | { readonly kind: 'issued'; readonly tokens: IssuedTokens }
  /** The grant is dead for good. */
  | { readonly kind: 'dead'; readonly reason: 'revoked' | 'expired' | 'account'; readonly message: string }
  /** The grant was provably not processed; another route may be tried at once. */
  | { readonly kind: 'wrong-route'; readonly message: string }
  /** The grant was provably not processed; the same route may be tried once without scopes. */
  | { readonly kind: 'wrong-scope'; readonly message: string }
  | {
      readonly kind: 'transient'
      readonly reason: 'endpoint' | 'rate-limited' | 'network'
      readonly message: string
      readonly retryAfterMs: number | null
      /** The grant may have been processed. */
      readonly ambiguous: boolean
    }

/**
 * Texts of the token endpoint that distinguish what its error codes do not. The only place where text of
 * this endpoint is read; matched without regard to case, anywhere in the description.
 */
const TOKEN_ENDPOINT_PHRASES = {
  /** The grant ended by age, not by rotation or revocation. */
  expired: ['refresh token expired', 'refresh token has expired', 'authorization code expired'],
  /** The account, not the grant, is the problem. */
  account: ['account_on_hold', 'account on hold', 'account is on hold'],
  /** The body's form was not understood, so the grant in it was not processed. */
  requestFormat: ['invalid request format'],
} as const

/** Whether `text` contains one of `phrases`. */
function holdsPhrase(text: string, phrases: readonly string[]): boolean {
  const lower = text.toLowerCase()
  return phrases.some((phrase) => lower.includes(phrase))
}

/** Assumed lifetime of an access token whose answer gives no plausible one: shorter than any real one seen. */
const ASSUMED_LIFE_MS = HOUR
/** A shorter lifetime leaves no time to use the token and to ask for the next one: it is odd. */
const SHORTEST_LIFE_MS = 15 * SECOND
/** The longest accepted lifetime: a setup token's year, plus a month. */
const LONGEST_LIFE_MS = 400 * DAY

/**
 * Parses one answer. Pure: decides by status and error code, and by text only through the phrase table. The
 * messages it returns are ours; nothing of the body is in them.
 *
 * @param now epoch milliseconds, for a `Retry-After` date when the server sent no `Date`
 * @see https://www.rfc-editor.org/rfc/rfc6749#section-5
 */
export function parseTokenAnswer(answer: TokenAnswer, now: number): ParsedAnswer {
  switch (answer.kind) {
    case 'not-sent':
      return transient('network', `the token endpoint cannot be reached (${answer.why})`, false)
    case 'no-answer':
      return transient('network', `the token endpoint did not answer (${answer.why})`, true)
    case 'cut':
      return transient('network', `the token endpoint's answer was cut off (${answer.why})`, true)
    case 'answer':
      return parseWholeAnswer(answer, now)
  }
}

function parseWholeAnswer(answer: Extract<TokenAnswer, { kind: 'answer' }>, now: number): ParsedAnswer {
  const { status, headers } = answer
  const retryAfterMs = parseRetryAfter(headers.get('retry-after'), serverDate(headers) ?? now)
  const body = parseBody(answer.body)
  const said = `the token endpoint answered ${status}`

  if (status >= 200 && status < 300) {
    const tokens = body && readTokens(body)
    if (tokens) return { kind: 'issued', tokens }
    return transient('endpoint', `${said} without a token`, true)
  }
  if (status === 429) return transient('rate-limited', `${said} (too many requests)`, false, retryAfterMs)
  if (status >= 500) return transient('endpoint', said, true, retryAfterMs)
  if (status === 408) return transient('network', said, true, retryAfterMs)

  const error = readError(body)
  if (error.code === 'invalid_grant' || error.code === 'access_denied') {
    const { expired, account } = TOKEN_ENDPOINT_PHRASES
    if (holdsPhrase(error.text, account)) {
      return { kind: 'dead', reason: 'account', message: 'the account is on hold' }
    }
    if (error.code === 'invalid_grant' && (status === 400 || status === 401)) {
      if (holdsPhrase(error.text, expired)) {
        return { kind: 'dead', reason: 'expired', message: 'the sign-in has expired' }
      }
      return { kind: 'dead', reason: 'revoked', message: 'the sign-in is no longer valid' }
    }
  }
  if (status === 400 && error.code === 'invalid_scope') {
    return { kind: 'wrong-scope', message: `${said} (scopes refused)` }
  }
  const formatRefused =
    status === 400 &&
    (error.code === 'invalid_request' ||
      error.code === 'invalid_request_error' ||
      holdsPhrase(error.text, TOKEN_ENDPOINT_PHRASES.requestFormat))
  if (formatRefused || status === 404 || status === 405 || status === 415) {
    return { kind: 'wrong-route', message: `${said} (endpoint moved, or this client refused)` }
  }
  return transient('endpoint', said, false, retryAfterMs)
}

/** The server's own time in epoch milliseconds, from the `Date` header; null when it sent none. */
export function serverDate(headers: Headers): number | null {
  const date = Date.parse(headers.get('date') ?? '')
  return Number.isNaN(date) ? null : date
}

function transient(
  reason: 'endpoint' | 'rate-limited' | 'network',
  message: string,
  ambiguous: boolean,
  retryAfterMs: number | null = null,
): ParsedAnswer {
  return { kind: 'transient', reason, message, retryAfterMs, ambiguous }
}

function parseBody(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? value : null
  } catch {
    return null
  }
}

/**
 * Both shapes in use: `{error, error_description}` of RFC 6749, and `{error: {type, message}}` of the
 * provider's API.
 */
function readError(body: Record<string, unknown> | null): { code: string; text: string } {
  const error = body?.['error']
  if (isObject(error)) return { code: asText(error['type']), text: asText(error['message']) }
  return { code: asText(error), text: `${asText(error)} ${asText(body?.['error_description'])}` }
}

function readTokens(body: Record<string, unknown>): IssuedTokens | null {
  const accessToken = asToken(body['access_token'])
  if (!accessToken || !isNothing(body['error'])) return null
  const refreshToken = asToken(body['refresh_token'])
  const life = asLife(body['expires_in'])
  const account = isObject(body['account']) ? body['account'] : {}
  const organization = isObject(body['organization']) ? body['organization'] : {}
  const scope = asText(body['scope']).trim()
  return {
    accessToken,
    refreshToken,
    ...(refreshToken || isNothing(body['refresh_token']) ? {} : { refreshTokenUnusable: true }),
    expiresInMs: life ?? ASSUMED_LIFE_MS,
    expiryAssumed: life === null,
    loginExpiresInMs: asLife(body['refresh_token_expires_in']),
    scopes: scope === '' ? null : scope.split(/\s+/),
    accountId: asText(account['uuid']) || null,
    accountEmail: asText(account['email_address']) || null,
    organizationId: asText(organization['uuid']) || null,
  }
}

function asText(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

/** How servers write that there is no such thing: a success that is read too strictly costs the whole sign-in. */
function isNothing(value: unknown): boolean {
  // An empty list, too: some languages write an empty object so.
  if (typeof value === 'object' && value !== null) return Object.keys(value).length === 0
  return typeof value === 'string' ? value.trim() === '' : !value
}

/** A token fits into a header: visible ASCII, no white space but what stands round it. */
function asToken(value: unknown): Secret | null {
  const token = asText(value).trim()
  return /^[\x21-\x7e]+$/.test(token) ? new Secret(token) : null
}

function asLife(value: unknown): number | null {
  const seconds = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value
  if (typeof seconds !== 'number' || !Number.isFinite(seconds)) return null
  const ms = Math.round(seconds * SECOND)
  return ms >= SHORTEST_LIFE_MS && ms <= LONGEST_LIFE_MS ? ms : null
}
