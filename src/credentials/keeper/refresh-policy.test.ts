import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { assertProperty } from '../../../test/support/test-chance.ts'
import { DAY, HOUR, MINUTE, SECOND } from '../../support/clock.ts'
import {
  ASSUMED_LIFE_MS,
  lifetimeOf,
  loginWarning,
  MAX_RETRY_AFTER_MS,
  probeDelay,
  refreshDelay,
  timeLeft,
  windowsOf,
} from './refresh-policy.ts'

const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
const length = fc.integer({ min: 30 * SECOND, max: 30 * DAY })

describe('the windows of a token', () => {
  it('renews an own one between 60 and 73.4 % of its life, whatever it is', () => {
    assertProperty(
      fc.property(length, chance, (lengthMs, random) => {
        const times = { issuedAt: 0, expiresAt: lengthMs, borrowed: false }
        const share = 1 - windowsOf(times, 0, random).refreshWhenLeft / lengthMs
        expect(share).toBeGreaterThanOrEqual(0.6 - 1e-9)
        expect(share).toBeLessThan(0.7334)
      }),
    )
  })

  it('keeps its order: first the refresh, then the waiting, then the end', () => {
    assertProperty(
      fc.property(length, chance, fc.boolean(), (lengthMs, random, borrowed) => {
        const windows = windowsOf({ issuedAt: 0, expiresAt: lengthMs, borrowed }, 0, random)
        expect(windows.refreshWhenLeft).toBeGreaterThan(windows.waitWhenLeft)
        expect(windows.waitWhenLeft).toBeGreaterThan(0)
      }),
    )
  })

  it.each([
    [8 * HOUR, 15 * MINUTE, 5 * MINUTE],
    [30 * MINUTE, 10 * MINUTE, 5 * MINUTE],
    [60 * SECOND, 20 * SECOND, 10 * SECOND],
  ])('of a borrowed one of %d ms: refresh in its last %d, wait in its last %d', (lengthMs, refresh, wait) => {
    const windows = windowsOf({ issuedAt: 0, expiresAt: lengthMs, borrowed: true }, 0, 0.5)
    expect(windows.refreshWhenLeft).toBe(refresh)
    expect(windows.waitWhenLeft).toBe(wait)
  })

  it('assume the usual life where the token does not say when it was issued', () => {
    const windows = windowsOf({ issuedAt: null, expiresAt: HOUR, borrowed: false }, 0, 0.5)
    expect(windows.lengthMs).toBe(ASSUMED_LIFE_MS)
  })
})

describe('the time that is left', () => {
  it('is what both clocks agree on', () => {
    const times = { issuedAt: 0, expiresAt: 8 * HOUR, borrowed: false }
    const life = lifetimeOf(times, windowsOf(times, 0, 0.5), 0, 1_000)
    expect(timeLeft(life, HOUR, HOUR + 1_000)).toBe(7 * HOUR)
    // The wall clock was set back, or the machine slept.
    expect(timeLeft(life, HOUR - DAY, HOUR + 1_000)).toBe(7 * HOUR)
    expect(timeLeft(life, 9 * HOUR, 1_000)).toBe(-HOUR)
  })

  it('is never more than a token ever had', () => {
    const times = { issuedAt: 20 * DAY, expiresAt: 20 * DAY + 8 * HOUR, borrowed: false }
    const life = lifetimeOf(times, windowsOf(times, 0, 0.5), 0, 0)
    expect(timeLeft(life, 0, 0)).toBe(8 * HOUR)
  })
})

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
