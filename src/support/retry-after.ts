import { HOUR, SECOND } from './clock.ts'

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
