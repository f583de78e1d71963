/**
 * Every way in which the simulated Anthropic can fail, by name: one table for each
 * endpoint, and the sentence that `!help` and the control API print. What a fault
 * does is defined in `token-faults.ts` and `message-faults.ts`.
 */

/** Faults of the token endpoint. */
export const TOKEN_FAULTS = {
  'invalid-grant': 'refuses the grant: "Refresh token not found or invalid"',
  expired: 'refuses the grant: "Refresh token expired"',
  'account-on-hold': 'refuses the grant: invalid_grant, account_on_hold',
  'account-on-hold-denied': 'refuses the grant: access_denied, account_on_hold',
  'invalid-scope': 'refuses a request that names a scope; one without is processed',
  'invalid-format': 'refuses JSON with "Invalid request format"; a form is processed',
  'invalid-request': 'refuses JSON with the standard invalid_request; a form is processed',
  '403': 'the client is refused',
  '404': 'nothing at this address',
  '405': 'method not allowed',
  '415': 'refuses JSON by its media type; a form is processed',
  redirect: '307 to another address, which records clients that follow',
  '429': 'rate limited; `retryAfter` is sent as it is given',
  '500': 'internal error',
  '502': 'bad gateway, with HTML',
  '503': 'unavailable',
  timeout: 'never answers',
  drip: 'sends a byte now and then',
  reset: 'closes the connection without an answer',
  'reset-mid-body': 'resets the connection in the middle of the answer',
  truncated: 'ends the answer in its middle, as if it were whole',
  'html-200': 'an HTML page with status 200',
  'error-200': 'an error object with status 200',
  'no-access-token': 'status 200 without an access token',
  'huge-body': 'an answer of 10 MB',
  'odd-expires-in': 'succeeds with `expiresIn` instead of the lifetime, or without one',
  'no-refresh-token': 'succeeds without a new refresh token; the old one stays valid',
  'other-account': "succeeds with another account's tokens",
  omit: 'succeeds without the `fields` that are named',
  slow: 'succeeds after `delayMs`',
} as const

/** Faults of the Messages API (and of the model list and the token count). */
export const MESSAGE_FAULTS = {
  expired: '401: OAuth token has expired',
  invalid: '401: Invalid authentication credentials',
  'invalid-bearer': '401: Invalid bearer token',
  'revoked-401': '401: OAuth access token has been revoked',
  'revoked-403': '403: OAuth token has been revoked',
  'api-key-401': '401: invalid x-api-key',
  'org-not-allowed': '403: OAuth is not allowed for this organization (`status` 401 possible)',
  scope: '403: the token does not meet the scope requirement',
  'claude-code-only': '400: only authorized for use with Claude Code',
  'extra-usage': '400: third-party apps draw from your extra usage',
  'rate-limit': '429 with `retryAfter`',
  'usage-limit': '429 with a reset time, `resetInMs` from now',
  'overloaded-529': '529: Overloaded',
  '500': '500: internal error',
  '502': '502 with HTML',
  '503': '503: unavailable',
  billing: '400: the credit balance is too low',
  '402': '402: billing error',
  'unknown-403': '403 without a known reason',
  'model-404': '404: no such model',
  'bad-request': '400: the request is malformed',
  'too-large-413': '413: the request is too large',
  reset: 'closes the connection without an answer',
  'reset-mid-stream': 'resets the connection after `afterDeltas` pieces of text',
  'truncated-stream': 'ends the stream after `afterDeltas` pieces, without message_stop',
  'error-mid-stream': 'an error event after `afterDeltas` pieces of text',
  'hang-mid-stream': 'stops sending after `afterDeltas` pieces, the connection stays',
  hang: 'never answers',
  slow: 'answers after `delayMs`',
} as const

export type TokenFaultName = keyof typeof TOKEN_FAULTS
export type MessageFaultName = keyof typeof MESSAGE_FAULTS
export type FaultTarget = 'token-endpoint' | 'messages'

/** The parameters of every fault. */
export interface FaultParameters {
  /** Ends automatically after this many milliseconds. */
  readonly forMs?: number
  /** Ends automatically after it struck this many times. */
  readonly times?: number
  /** Wait so long before it strikes, in milliseconds. */
  readonly delayMs?: number
  /** Each further strike waits this much longer: failures that come one after another. */
  readonly delayStepMs?: number
  /** Strikes only requests that present the token or key of this fingerprint. */
  readonly fingerprint?: string
  /** Another status than the usual one. */
  readonly status?: number
  /** The `Retry-After` header, exactly as given: seconds, a date, or garbage. */
  readonly retryAfter?: string | number
}

export interface TokenFaultParameters extends FaultParameters {
  /**
   * Ambiguous faults only: the server carries out the grant before it fails, so
   * that the spent refresh token is dead although the client saw no answer.
   */
  readonly rotate?: boolean
  /** Strikes only this grant. */
  readonly grant?: 'authorization_code' | 'refresh_token'
  /** Strikes only clients whose User-Agent begins so. */
  readonly userAgent?: string
  /** `odd-expires-in`: any JSON value; left out: the answer has none. */
  readonly expiresIn?: unknown
  /** `omit`: the fields that the answer lacks. */
  readonly fields?: readonly string[]
  /** `redirect`: where to. */
  readonly location?: string
  /** `drip`: milliseconds between two bytes. */
  readonly everyMs?: number
}

export interface MessageFaultParameters extends FaultParameters {
  /** Strikes only requests with this kind of credential. */
  readonly credential?: 'oauth' | 'api-key'
  /** `usage-limit`: the reset time, in milliseconds from now; the fault ends then by default. */
  readonly resetInMs?: number
  /** The stream's faults: after how many pieces of text. */
  readonly afterDeltas?: number
  /** `error-mid-stream`: the type of the error event. */
  readonly errorType?: string
}

export type TokenFault = TokenFaultParameters & {
  readonly target: 'token-endpoint'
  readonly fault: TokenFaultName
}
export type MessageFault = MessageFaultParameters & {
  readonly target: 'messages'
  readonly fault: MessageFaultName
}
export type Fault = TokenFault | MessageFault

/** The full name of a fault given by its name or by the beginning of exactly one name; null when there is none. */
export function faultName(target: FaultTarget, text: string): TokenFaultName | MessageFaultName | null {
  const names = Object.keys(target === 'messages' ? MESSAGE_FAULTS : TOKEN_FAULTS) as MessageFaultName[]
  if (names.includes(text as MessageFaultName)) return text as MessageFaultName
  const begun = names.filter((name) => name.startsWith(text))
  return begun.length === 1 ? begun[0]! : null
}
