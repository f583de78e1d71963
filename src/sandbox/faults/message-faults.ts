import type { OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { SECOND, isoTime } from '../../support/clock.ts'
import { apiError, sendApiError, type ApiFailure } from '../api-errors.ts'
import { reset, sendHtml } from '../http.ts'
import type { MessageFault, MessageFaultName } from './fault-names.ts'
import { DEFAULT_RESET_MS, type Strike } from './faults.ts'

const AUTH = 'authentication_error'
const PERMISSION = 'permission_error'
const INVALID = 'invalid_request_error'

/** Every refusal of the Messages API, in the words of the real one. */
const REFUSALS: Partial<Record<MessageFaultName, ApiFailure>> = {
  expired: apiError(401, AUTH, 'OAuth token has expired. Please refresh your existing token.'),
  invalid: apiError(401, AUTH, 'Invalid authentication credentials'),
  'invalid-bearer': apiError(401, AUTH, 'Invalid bearer token'),
  'revoked-401': apiError(401, AUTH, 'OAuth access token has been revoked'),
  'revoked-403': apiError(403, PERMISSION, 'OAuth token has been revoked. Please obtain a new token.'),
  'api-key-401': apiError(401, AUTH, 'invalid x-api-key'),
  'org-not-allowed': apiError(
    403,
    PERMISSION,
    'OAuth authentication is currently not allowed for this organization.',
  ),
  scope: apiError(403, PERMISSION, 'OAuth token does not meet scope requirement user:inference'),
  'claude-code-only': apiError(
    400,
    INVALID,
    'This credential is only authorized for use with Claude Code and cannot be used for other API requests.',
  ),
  'extra-usage': apiError(
    400,
    INVALID,
    'Third-party apps now draw from your extra usage, not your plan limits. Add more and keep going.',
  ),
  'rate-limit': apiError(429, 'rate_limit_error', 'This request would exceed your rate limit.'),
  'usage-limit': apiError(429, 'rate_limit_error', "This request would exceed your account's usage limit."),
  'overloaded-529': apiError(529, 'overloaded_error', 'Overloaded'),
  '500': apiError(500, 'api_error', 'Internal server error'),
  '503': apiError(503, 'api_error', 'Service unavailable'),
  billing: apiError(
    400,
    INVALID,
    'Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade or purchase credits.',
  ),
  '402': apiError(402, 'billing_error', 'There is a problem with the billing of your organization.'),
  'unknown-403': apiError(403, PERMISSION, 'Your request was not permitted.'),
  'model-404': apiError(404, 'not_found_error', 'model: not found'),
  'bad-request': apiError(400, INVALID, 'messages.0.content.0.image: Could not process image'),
  'too-large-413': apiError(413, 'request_too_large', 'Request exceeds the maximum size'),
}

/** The faults that strike only after the answer has begun. */
export function breaksStream(fault: MessageFault): boolean {
  return fault.fault.endsWith('-stream')
}

/** The error that an event in the middle of a stream carries. */
export function streamError({ errorType = 'overloaded_error' }: MessageFault): ApiFailure {
  const known = Object.values(REFUSALS).find(({ type }) => type === errorType)
  return known ?? apiError(500, errorType, 'Internal server error')
}

/**
 * Refuses a request as `strike` says.
 *
 * @returns what it was refused with; null: the fault lets it through (`slow`, and those of the stream)
 */
export function strikeMessage(
  res: ServerResponse,
  strike: Strike<MessageFault>,
  requestId: string,
  now: number,
): ApiFailure | null {
  const { fault } = strike
  const refusal = REFUSALS[fault.fault]
  if (refusal) {
    const failure = fault.status === undefined ? refusal : { ...refusal, status: fault.status }
    sendApiError(res, failure, requestId, headersOf(strike, now))
    return failure
  }
  switch (fault.fault) {
    case '502':
      sendHtml(res, 502, '<html><body><h1>502 Bad Gateway</h1></body></html>', { 'request-id': requestId })
      return apiError(502, 'bad_gateway', 'Bad Gateway')
    case 'reset':
      reset(res)
      return apiError(0, 'reset', 'connection reset')
    case 'hang':
      return apiError(0, 'hang', 'no answer')
    default:
      return null
  }
}

function headersOf({ fault, until }: Strike<MessageFault>, now: number): OutgoingHttpHeaders {
  const headers: OutgoingHttpHeaders = {}
  if (fault.retryAfter !== undefined) headers['retry-after'] = String(fault.retryAfter)
  if (fault.fault === 'usage-limit') {
    const end = until ?? now + (fault.resetInMs ?? DEFAULT_RESET_MS)
    headers['anthropic-ratelimit-unified-status'] = 'rejected'
    headers['anthropic-ratelimit-unified-reset'] = String(Math.ceil(end / SECOND))
    headers['anthropic-ratelimit-requests-remaining'] = '0'
    headers['anthropic-ratelimit-requests-reset'] = isoTime(end)
  }
  return headers
}
