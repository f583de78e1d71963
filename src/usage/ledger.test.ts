import { describe, expect, test } from 'vitest'
import { costInWords } from './cost-in-words.ts'
import { cacheShareOf, dayOf, startOfMonth, totalOf, type UsageSum } from './ledger.ts'

const SUM: UsageSum = {
  key: 'k',
  requests: 2,
  inputTokens: 10,
  outputTokens: 5,
  cacheReadTokens: 80,
  cacheWriteTokens: 10,
  cost: 1_230_000_000,
  unknown: 0,
  estimated: 0,
  subscription: 0,
}
const sum = (over: Partial<UsageSum>): UsageSum => ({ ...SUM, ...over })

describe('a total', () => {
  test('adds up what is known, and counts what is not', () => {
    const unknown = sum({ requests: 3, unknown: 3, cost: null, estimated: 1, subscription: 2 })
    expect(totalOf([SUM, unknown])).toEqual({
      key: '',
      requests: 5,
      inputTokens: 20,
      outputTokens: 10,
      cacheReadTokens: 160,
      cacheWriteTokens: 20,
      cost: 1_230_000_000,
      unknown: 3,
      estimated: 1,
      subscription: 2,
    })
  })

  test('of nothing but unknown costs is unknown; of no requests it is 0', () => {
    expect(totalOf([sum({ unknown: 2, cost: null }), sum({ unknown: 2, cost: null })]).cost).toBeNull()
    expect(totalOf([]).cost).toBe(0)
  })
})

test('the share of the cache is of all that was sent', () => {
  expect(cacheShareOf(SUM)).toBe(0.8)
  expect(cacheShareOf(totalOf([]))).toBeNull()
})

test.each([
  ['2026-11-30T23:59:59.999Z', '2026-11-30', '2026-11-01'],
  ['2026-12-01T00:00:00.000Z', '2026-12-01', '2026-12-01'],
  ['2027-01-01T00:00:00.000Z', '2027-01-01', '2027-01-01'],
  ['2028-02-29T12:00:00.000Z', '2028-02-29', '2028-02-01'],
])('the day and the month of %s are those of UTC', (time, day, month) => {
  const now = Date.parse(time)
  expect([dayOf(now), dayOf(startOfMonth(now))]).toEqual([day, month])
})

test.each([
  [{}, '$1.23'],
  [{ cost: 0 }, '$0.00'],
  [{ cost: 4_200_000 }, '$0.0042'],
  [{ cost: null, unknown: 2, subscription: 1 }, 'cost unknown'],
  [{ subscription: 2 }, '$1.23 (at API prices)'],
  [{ unknown: 1, estimated: 1 }, '$1.23 (partly estimated, 1 request of unknown cost not counted)'],
  [{ unknown: 2 }, '$1.23 (2 requests of unknown cost not counted)'],
])('%j is said as %s', (over, words) => {
  expect(costInWords(sum(over))).toBe(words)
})
