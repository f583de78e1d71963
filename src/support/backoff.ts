import { HOUR, SECOND } from './clock.ts'

export interface BackoffOptions {
  /** The first delay, in milliseconds. */
  readonly initialMs: number
  /** No delay is longer than this, in milliseconds. */
  readonly maxMs: number
  /** Each delay is this many times the previous one. */
  readonly factor?: number
  /**
   * Jitter: the share of a delay that is added or subtracted at random, so that many waiters do not return
   * together.
   */
  readonly jitter?: number
}

/**
 * The delay before attempt number `attempt` + 1 (`attempt` counts failures, from 1), in milliseconds.
 *
 * @param random a number in [0, 1), `Math.random()` outside tests
 */
export function backoffDelay(attempt: number, options: BackoffOptions, random: number): number {
  const { initialMs, maxMs, factor = 2, jitter = 0.2 } = options
  const base = Math.min(maxMs, initialMs * factor ** Math.min(attempt - 1, 30))
  return Math.min(maxMs, Math.round(base * (1 - jitter + 2 * jitter * random)))
}

/** No server may silence the gateway for longer than this by one header, unless the caller knows of longer limits. */
const MAX_RETRY_AFTER_MS = HOUR

/**
 * What a `Retry-After` header asks for, in milliseconds from now, at most `maxMs`;
 * null when there is none or it cannot be read.
 *
 * @param serverNow the server's own `Date` in epoch milliseconds where it sent one:
 *   a date in the header is on its clock, not on ours
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3
 */
export function parseRetryAfter(
  header: string | null,
  serverNow: number,
  maxMs: number = MAX_RETRY_AFTER_MS,
): number | null {
  const value = header?.trim() ?? ''
  let ms: number
  if (/^\d+(\.\d+)?$/.test(value)) ms = Number(value) * SECOND
  // An HTTP date begins with the day's name; Date.parse alone would take "-5" for a year.
  else if (/^(mon|tue|wed|thu|fri|sat|sun)/i.test(value)) ms = Date.parse(value) - serverNow
  else return null
  return Number.isNaN(ms) ? null : Math.min(maxMs, Math.max(0, Math.round(ms)))
}
