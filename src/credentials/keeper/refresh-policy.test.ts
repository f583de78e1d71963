import { describe, expect, it } from 'vitest'
import { DAY, HOUR, SECOND } from '../../support/clock.ts'
import {
  loginWarning,
  MAX_RETRY_AFTER_MS,
  probeDelay,
  REFRESH_FLOOR_MS,
  refreshDelay,
  refreshFloor,
} from './refresh-policy.ts'

describe('the pauses after failures', () => {
  it('grow from 5 s to 5 min with a fifth of chance', () => {
    const steps = [5, 10, 20, 40, 80, 160, 300, 300]
    for (const [index, seconds] of steps.entries()) {
      expect(refreshDelay(index + 1, null, 0)).toBeGreaterThanOrEqual(seconds * SECOND * 0.8)
      expect(refreshDelay(index + 1, null, 0.999)).toBeLessThanOrEqual(Math.min(300, seconds * 1.2) * SECOND)
    }
  })

  it.each([
    [120 * SECOND, 120 * SECOND],
    [99_999 * SECOND, MAX_RETRY_AFTER_MS],
    [0, 5 * SECOND],
  ])('obey a Retry-After of %d ms as %d ms', (asked, obeyed) => {
    expect(refreshDelay(7, asked, 0.5)).toBe(obeyed)
  })

  it('of a probe grow to an hour and no further', () => {
    expect(probeDelay(1, 0.5)).toBe(5 * SECOND)
    expect(probeDelay(40, 0.999)).toBe(HOUR)
  })
})

it.each([
  ['nothing was refreshed yet', null, 0],
  ['a token was issued just now', { at: HOUR, outcome: 'renewed' }, REFRESH_FLOOR_MS],
  ['one was issued and is not saved', { at: HOUR - SECOND, outcome: 'unsaved' }, REFRESH_FLOOR_MS - SECOND],
  ['the floor is over', { at: HOUR - REFRESH_FLOOR_MS, outcome: 'renewed' }, 0],
  ['the last one failed, which has its own pauses', { at: HOUR, outcome: 'network' }, 0],
  ['another process had refreshed', { at: HOUR, outcome: 'adopted' }, 0],
  ['the clock was set back', { at: 2 * HOUR, outcome: 'renewed' }, 0],
])('when %s, the next refresh that nobody asks for waits', (_what, lastRefresh, expected) => {
  expect(refreshFloor(lastRefresh, HOUR)).toBe(expected)
})

it.each([
  [8 * DAY, null],
  [7 * DAY, 7],
  [4 * DAY, 7],
  [3 * DAY, 3],
  [DAY, 1],
  [HOUR, 1],
  [0, null],
])('with %d ms to the end of the sign-in the warning is %s', (left, days) => {
  expect(loginWarning(left, 0)).toBe(days)
})
