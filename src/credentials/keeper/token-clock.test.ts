import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { assertProperty } from '../../../test/support/test-chance.ts'
import { DAY, HOUR, MINUTE, SECOND } from '../../support/clock.ts'
import { ASSUMED_LIFE_MS, lifetimeOf, timeLeft, windowsOf } from './token-clock.ts'

const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
const length = fc.integer({ min: 30 * SECOND, max: 30 * DAY })

describe('the windows of a token', () => {
  it('refreshes one of its own between 60 and 73.4 % of its life, whatever it is', () => {
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

  it('count from the first look where the token does not say when it was issued', () => {
    const windows = windowsOf({ issuedAt: null, expiresAt: HOUR, borrowed: true }, 0, 0.5)
    expect(windows).toMatchObject({ lengthMs: HOUR, refreshWhenLeft: 15 * MINUTE })
  })

  it.each([
    ['ends at no known time', null],
    ['has ended', -SECOND],
  ])('assume the usual life where the token %s', (_what, expiresAt) => {
    const windows = windowsOf({ issuedAt: null, expiresAt, borrowed: false }, 0, 0.5)
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
