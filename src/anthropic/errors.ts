import { APIConnectionError, APIError, APIUserAbortError } from '@anthropic-ai/sdk'
import { ModelRefusal } from '../conversation/model.ts'
import type { Rejection } from '../credentials/credential.ts'
import { parseRetryAfter } from '../support/backoff.ts'
import { DAY, SECOND } from '../support/clock.ts'
import { ConfigurationError, TransientError, UsageLimited } from '../support/errors.ts'
import { proxyFailureIn } from '../support/proxy-tunnel.ts'

/** What a failed request means: for the credential, or for everybody else. */
export type Failure =
  | { readonly kind: 'credential'; readonly rejection: Rejection }
  | { readonly kind: 'other'; readonly error: Error }

/**
 * Maps what the SDK threw to who must act next. Decides by status and
 * `error.type`; text only through the phrase table.
 *
 * @param now epoch milliseconds, for limits that end at a time
 * @see https://docs.anthropic.com/en/api/errors
 */
export function classify(error: unknown, now: number): Failure {
  if (error instanceof APIUserAbortError) return other(error)
  if (error instanceof APIConnectionError) {
    const proxy = proxyFailureIn(error)
    const why = proxy ? ` (${proxy.message})` : ''
    return other(transient(`the provider cannot be reached${why}`, null, 'network', error))
  }
  if (!(error instanceof APIError)) {
    return other(
      isNetworkError(error)
        ? transient('the connection to the provider broke', null, 'network', error)
        : asError(error),
    )
  }
  const status = error.status ?? statusOfType(error.type)
  const rejection = rejectionOf(status, error)
  if (rejection) return { kind: 'credential', rejection }
  switch (status) {
    case 404:
      return other(new ConfigurationError('the provider does not know the configured model or address (404)'))
    case 413:
      return other(new ModelRefusal('too-large'))
    case 429: {
      const resumeAt = resumeTime(error.headers, now)
      if (resumeAt !== null) return other(new UsageLimited(resumeAt))
      return other(transient('the provider limits requests', null, 'rate-limited', error))
    }
    case 529:
      return other(
        transient('the provider is overloaded', retryAfterMs(error.headers, now), 'overloaded', error),
      )
  }
  if (status !== undefined && status >= 400 && status < 500 && status !== 408 && status !== 409) {
    if (error.errorCode?.startsWith(COMPACTION_CODE)) return other(new ModelRefusal('compaction'))
    return other(new ModelRefusal('not-accepted'))
  }
  return other(transient('the provider has a problem', retryAfterMs(error.headers, now), 'provider', error))
}

function rejectionOf(status: number | undefined, error: APIError): Rejection | null {
  const text = `${error.errorCode ?? ''} ${error.message}`
  switch (status) {
    case 401:
      return rejectionInText(text) ?? { kind: 'rejected' }
    case 402:
      return rejectionInText(text) ?? { kind: 'not-permitted', reason: 'billing' }
    case 403:
      return rejectionInText(text) ?? { kind: 'not-permitted', reason: 'policy' }
    case 400: {
      const found = rejectionInText(text)
      // A 400 concerns the credential only where its text forbids the use, not where it mentions tokens.
      return found?.kind === 'not-permitted' ? found : null
    }
    default:
      return error.type === 'billing_error' ? { kind: 'not-permitted', reason: 'billing' } : null
  }
}

/**
 * What was compacted is not accepted, or cannot be made now: `compaction_signature_invalid`,
 * `compaction_content_mismatch`, `compaction_block_misplaced` and others.
 *
 * @see https://platform.claude.com/docs/en/build-with-claude/compaction
 */
const COMPACTION_CODE = 'compaction_'

/**
 * The only place where the text of a Messages API error decides: organisation,
 * scope, policy and billing have no code of their own. Compared in lower case.
 */
const PHRASES: ReadonlyArray<readonly [phrase: string, rejection: Rejection]> = [
  ['oauth token has been revoked', { kind: 'rejected' }],
  ['oauth access token has been revoked', { kind: 'rejected' }],
  ['not allowed for this organization', { kind: 'not-permitted', reason: 'policy' }],
  ['scope requirement', { kind: 'scope' }],
  ['only authorized for use with claude code', { kind: 'not-permitted', reason: 'policy' }],
  ['extra usage', { kind: 'not-permitted', reason: 'billing' }],
  ['credit balance is too low', { kind: 'not-permitted', reason: 'billing' }],
  ['purchase credits', { kind: 'not-permitted', reason: 'billing' }],
  ['billing issue', { kind: 'not-permitted', reason: 'billing' }],
  ['account on hold', { kind: 'not-permitted', reason: 'account' }],
  ['account_on_hold', { kind: 'not-permitted', reason: 'account' }],
]

/** What the text of an error means for the credential; null = no known phrase. */
function rejectionInText(text: string): Rejection | null {
  const lower = text.toLowerCase()
  return PHRASES.find(([phrase]) => lower.includes(phrase))?.[1] ?? null
}

/** A reset further away than this is an error of the server or a clock: weekly limits are the longest known. */
const LONGEST_LIMIT_MS = 8 * DAY

/**
 * When a limited request may be sent again, in epoch milliseconds; null = not stated.
 *
 * `retry-after` wins; else the reset of the limit that is used up, else the latest reset named.
 *
 * @see https://docs.anthropic.com/en/api/rate-limits#response-headers
 */
function resumeTime(headers: Headers | undefined, now: number): number | null {
  const wait = parseRetryAfter(headers?.get('retry-after') ?? null, now, LONGEST_LIMIT_MS)
  if (wait !== null) return now + wait
  if (!headers) return null
  const resets: Array<{ at: number; usedUp: boolean }> = []
  headers.forEach((value, name) => {
    const limit = /^anthropic-ratelimit-(.+)-reset$/.exec(name)?.[1]
    if (limit === undefined) return
    const at = parseTime(value)
    if (at === null) return
    resets.push({ at, usedUp: headers.get(`anthropic-ratelimit-${limit}-remaining`) === '0' })
  })
  const usedUp = resets.filter((reset) => reset.usedUp)
  const candidates = (usedUp.length > 0 ? usedUp : resets).map((reset) => reset.at)
  if (candidates.length === 0) return null
  return Math.min(Math.max(now, ...candidates), now + LONGEST_LIMIT_MS)
}

/** The answer's `Retry-After` in milliseconds from now, where it announces no limit; null = absent or invalid. */
function retryAfterMs(headers: Headers | undefined, now: number): number | null {
  return parseRetryAfter(headers?.get('retry-after') ?? null, now)
}

/** Resets come as RFC 3339 times, or as epoch seconds. */
function parseTime(value: string): number | null {
  if (/^\d{9,11}$/.test(value)) return Number(value) * SECOND
  const time = Date.parse(value)
  return Number.isNaN(time) ? null : time
}

/** An error event in mid-stream has a type and no status. */
function statusOfType(type: string | null | undefined): number | undefined {
  return type ? STATUS_OF_TYPE[type] : undefined
}

const STATUS_OF_TYPE: Readonly<Record<string, number>> = {
  invalid_request_error: 400,
  authentication_error: 401,
  billing_error: 402,
  permission_error: 403,
  not_found_error: 404,
  request_too_large: 413,
  rate_limit_error: 429,
  api_error: 500,
  timeout_error: 504,
  overloaded_error: 529,
}

/** `fetch` reports a broken body as a TypeError whose cause has the system's code. */
export function isNetworkError(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  if (error instanceof TypeError && (error.message === 'terminated' || error.message === 'fetch failed'))
    return true
  const code =
    (error as NodeJS.ErrnoException).code ?? (error.cause as NodeJS.ErrnoException | undefined)?.code
  return typeof code === 'string' && /^(E[A-Z]+|UND_ERR_.+)$/.test(code)
}

function transient(
  message: string,
  retryAfter: number | null,
  reason: string,
  cause: unknown,
): TransientError {
  return new TransientError(message, retryAfter, reason, { cause })
}

function other(error: Error): Failure {
  return { kind: 'other', error }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error))
}
