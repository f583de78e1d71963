import { MINUTE, SECOND, isoTime } from '../../support/clock.ts'

const REQUESTS_PER_MINUTE = '4000'
const TOKENS_PER_MINUTE = '2000000'

let cachedSecond = -1
let cachedReset = ''

/**
 * The headers of every answer of the Messages API. The limits never bite here;
 * a real refusal comes from a fault.
 */
export function rateLimitHeaders(now: number, requestId: string): Record<string, string> {
  // The reset time changes once a second; formatting it for each answer would cost more than the answer.
  const second = Math.floor(now / SECOND)
  if (second !== cachedSecond) {
    cachedSecond = second
    cachedReset = isoTime(second * SECOND + MINUTE)
  }
  return {
    'request-id': requestId,
    'anthropic-ratelimit-requests-limit': REQUESTS_PER_MINUTE,
    'anthropic-ratelimit-requests-remaining': REQUESTS_PER_MINUTE,
    'anthropic-ratelimit-requests-reset': cachedReset,
    'anthropic-ratelimit-tokens-limit': TOKENS_PER_MINUTE,
    'anthropic-ratelimit-tokens-remaining': TOKENS_PER_MINUTE,
    'anthropic-ratelimit-tokens-reset': cachedReset,
  }
}
