import { DAY, HOUR, MINUTE, SECOND } from '../support/clock.ts'

/** A year of 365 days: retention is approximate, not by the calendar. */
const UNITS: Readonly<Record<string, number>> = {
  s: SECOND,
  m: MINUTE,
  h: HOUR,
  d: DAY,
  w: 7 * DAY,
  y: 365 * DAY,
}

/** What a duration in the configuration looks like: `90s`, `15m`, `12h`, `7d`, `4w`, `1y`. */
export const DURATION_PATTERN = /^[1-9]\d{0,5}[smhdwy]$/

export const DURATION_EXAMPLES = 'a duration such as 90s, 15m, 12h, 7d, 4w or 1y'

/** `7d` in milliseconds. @throws RangeError when `text` is no duration */
export function parseDuration(text: string): number {
  if (!DURATION_PATTERN.test(text)) throw new RangeError(`not ${DURATION_EXAMPLES}`)
  return Number(text.slice(0, -1)) * UNITS[text.at(-1)!]!
}
