import type { OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { anthropicError, carryOut, oauthError, type TokenAnswer } from '../authority/grants.ts'
import type { TokenRequest } from '../authority/token-request.ts'
import { reset, sendHtml, sendJson, sendText } from '../http.ts'
import type { World } from '../world.ts'
import type { TokenFault, TokenFaultName } from './fault-names.ts'

export interface TokenStrike {
  readonly world: World
  readonly request: TokenRequest
  readonly res: ServerResponse
  readonly fault: TokenFault
  /** The grant's outcome where it was carried out already (`rotate`). */
  readonly early: TokenAnswer | null
  /** Records the outcome of the request. */
  readonly note: (answer: TokenAnswer) => void
}

const HTML = '<!doctype html><html><head><title>Just a moment…</title></head><body>Please wait.</body></html>'
const HUGE_BODY_BYTES = 10 * 1024 * 1024
/** One byte in half a second: a body of 500 bytes takes longer than any client waits. */
const DRIP_EVERY_MS = 500
/** Long enough for the bytes before a reset to reach the client first. */
const BEFORE_RESET_MS = 20

/** Refusals: the grant is not carried out. */
const REFUSALS: Partial<Record<TokenFaultName, TokenAnswer>> = {
  'invalid-grant': oauthError('invalid_grant', 'Refresh token not found or invalid'),
  expired: oauthError('invalid_grant', 'Refresh token expired'),
  'account-on-hold': oauthError('invalid_grant', 'account_on_hold'),
  'account-on-hold-denied': oauthError('access_denied', 'account_on_hold'),
  'invalid-scope': oauthError('invalid_scope', 'The requested scope is invalid, unknown, or malformed'),
  'invalid-format': anthropicError(400, 'invalid_request_error', 'Invalid request format'),
  'invalid-request': oauthError('invalid_request', 'The request body must be form-encoded'),
  '403': anthropicError(403, 'permission_error', 'Request not allowed'),
  '404': anthropicError(404, 'not_found_error', 'Not found'),
  '405': anthropicError(405, 'invalid_request_error', 'Method Not Allowed'),
  '415': anthropicError(415, 'invalid_request_error', 'Unsupported Media Type'),
  '429': anthropicError(429, 'rate_limit_error', 'Rate limited. Please try again later.'),
}

/** Sends what `fault` makes of the request. */
export function strikeToken(strike: TokenStrike): void {
  const { res, fault, note } = strike
  const refusal = REFUSALS[fault.fault]
  if (refusal) {
    note(refusal)
    return sendJson(res, fault.status ?? refusal.status, refusal.body, headersOf(fault))
  }
  if (fault.fault === 'redirect') return redirect(strike)
  const reshaped = reshape(strike)
  if (reshaped) {
    note(reshaped)
    return sendAnswer(res, reshaped)
  }
  fail(strike)
}

/** Sends the outcome of a grant as it is. */
export function sendAnswer(res: ServerResponse, answer: TokenAnswer): void {
  // RFC 6749 §5.1: answers that carry tokens are never stored by anything between.
  sendJson(res, answer.status, answer.body, { 'cache-control': 'no-store', pragma: 'no-cache' })
}

/** Faults that succeed with an odd answer; null for all others. */
function reshape({ world, request, fault, early }: TokenStrike): TokenAnswer | null {
  const done = () => early ?? carryOut(world, request)
  switch (fault.fault) {
    case 'slow':
      return done()
    case 'odd-expires-in':
      return withField(done(), 'expires_in', fault.expiresIn)
    case 'no-refresh-token':
      return carryOut(world, request, { rotate: false })
    case 'other-account':
      return carryOut(world, request, { stranger: true })
    case 'omit':
      return (fault.fields ?? []).reduce((answer, field) => withField(answer, field, undefined), done())
    default:
      return null
  }
}

/** Faults that leave the client without a definite answer. */
function fail({ res, fault, early, note }: TokenStrike): void {
  note(early ?? { status: 0, body: {}, outcome: fault.fault, issued: null })
  const headers = headersOf(fault)
  const whole = JSON.stringify(early?.body ?? { token_type: 'Bearer', access_token: '', expires_in: 0 })
  switch (fault.fault) {
    case '500':
      return sendJson(res, fault.status ?? 500, errorBody('api_error', 'Internal server error'), headers)
    case '502':
      return sendHtml(res, 502, HTML, headers)
    case '503':
      return sendJson(res, 503, errorBody('api_error', 'Service unavailable'), headers)
    case 'timeout':
      return
    case 'drip':
      return drip(res, early ? whole : null, fault.everyMs ?? DRIP_EVERY_MS)
    case 'reset':
      return reset(res)
    case 'reset-mid-body':
      res.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(whole) })
      res.write(whole.slice(0, whole.length / 2))
      return void setTimeout(() => reset(res), BEFORE_RESET_MS).unref()
    case 'truncated':
      return sendText(res, 200, whole.slice(0, whole.length / 2), 'application/json')
    case 'html-200':
      return sendHtml(res, 200, HTML)
    case 'error-200':
      return sendJson(res, 200, { error: 'server_error', error_description: 'Try again' })
    case 'no-access-token':
      return sendJson(res, 200, { ...early?.body, token_type: 'Bearer', access_token: undefined })
    case 'huge-body':
      // The tokens come last: a client that stops reading at a sane size never sees them.
      return sendJson(res, 200, { padding: 'x'.repeat(HUGE_BODY_BYTES), ...early?.body })
    default:
      throw new Error(`no behaviour for the fault ${fault.fault}`)
  }
}

function redirect({ world, fault, res, note }: TokenStrike): void {
  note({ status: 307, body: {}, outcome: 'redirect', issued: null })
  const location = fault.location ?? `${world.url()}/sandbox/redirected`
  sendText(res, fault.status ?? 307, '', 'text/plain', { location })
}

/** Sends `text` (null: white space, without end) byte by byte until the client gives up. */
function drip(res: ServerResponse, text: string | null, everyMs: number): void {
  res.writeHead(200, { 'content-type': 'application/json' })
  let sent = 0
  const timer = setInterval(() => {
    if (text !== null && sent >= text.length) {
      clearInterval(timer)
      res.end()
    } else res.write(text === null ? ' ' : text[sent++])
  }, everyMs)
  res.once('close', () => clearInterval(timer))
}

function withField(answer: TokenAnswer, field: string, value: unknown): TokenAnswer {
  return answer.status === 200 ? { ...answer, body: { ...answer.body, [field]: value } } : answer
}

function errorBody(type: string, message: string): unknown {
  return { type: 'error', error: { type, message }, request_id: 'req_sandbox_token' }
}

function headersOf(fault: TokenFault): OutgoingHttpHeaders {
  return fault.retryAfter === undefined ? {} : { 'retry-after': String(fault.retryAfter) }
}
