import { parseRetryAfter } from '../support/backoff.ts'
import { DAY, SECOND } from '../support/clock.ts'

/** A reset further away than this is an error of the server or a clock: weekly limits are the longest known. */
const LONGEST_LIMIT_MS = 8 * DAY

/**
 * When a limited request may be sent again, in epoch milliseconds; null = not stated.
 *
 * `retry-after` wins; else the reset of the limit that is used up, else the latest reset named.
 *
 * @see https://docs.anthropic.com/en/api/rate-limits#response-headers
 */
export function resumeTime(headers: Headers | undefined, now: number): number | null {
  const wait = retryAfterMs(headers, now)
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

/** The answer's `Retry-After` in milliseconds from now; null = absent or invalid. */
export function retryAfterMs(headers: Headers | undefined, now: number): number | null {
  return parseRetryAfter(headers?.get('retry-after') ?? null, now, LONGEST_LIMIT_MS)
}

/** Resets come as RFC 3339 times, or as epoch seconds. */
function parseTime(value: string): number | null {
  if (/^\d{9,11}$/.test(value)) return Number(value) * SECOND
  const time = Date.parse(value)
  return Number.isNaN(time) ? null : time
}
