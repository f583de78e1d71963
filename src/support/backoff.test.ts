import { expect, it } from 'vitest'
import { parseRetryAfter } from './backoff.ts'
import { HOUR, SECOND } from './clock.ts'

const NOW = Date.UTC(2026, 10, 22, 12)

it.each([
  ['120', 120 * SECOND],
  ['0', 0],
  [' 5 ', 5 * SECOND],
  ['1.5', 1_500],
  ['99999', HOUR],
  ['999999999999999999999999', HOUR],
  [new Date(NOW + 90 * SECOND).toUTCString(), 90 * SECOND],
  [new Date(NOW - 90 * SECOND).toUTCString(), 0],
  [new Date(NOW + 30 * HOUR).toUTCString(), HOUR],
  ['Sunday, 22-Nov-26 12:01:00 GMT', 60 * SECOND],
  ['-5', null],
  ['soon', null],
  ['mon amour', null],
  ['2026', 2026 * SECOND],
  ['2026-11-22', null],
  ['', null],
  [null, null],
])('%j is %s ms', (header, expected) => {
  expect(parseRetryAfter(header, NOW)).toBe(expected)
})
