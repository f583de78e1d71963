import { expect, test } from 'vitest'
import type { UsageItem } from '../../../../src/http/wire-reports.ts'
import { cacheShare, dearestFirst, everyDay, inputOf, tokensOf } from './usage-sums.ts'

const NOON = Date.parse('2026-03-01T12:00:00Z')

function item(key: string, given: Partial<UsageItem> = {}): UsageItem {
  return {
    key,
    requests: 1,
    inputTokens: 10,
    outputTokens: 5,
    cacheReadTokens: 80,
    cacheWriteTokens: 10,
    costUsd: 0.5,
    unknownCostRequests: 0,
    estimatedRequests: 0,
    subscriptionRequests: 0,
    ...given,
  }
}

test('every day has its bar: one without requests cost nothing, which is known', () => {
  const days = everyDay([item('2026-02-27'), item('2026-03-01', { costUsd: null })], 4, NOON)
  expect(days.map(({ key, requests, costUsd }) => [key, requests, costUsd])).toEqual([
    ['2026-02-26', 0, 0],
    ['2026-02-27', 1, 0.5],
    ['2026-02-28', 0, 0],
    ['2026-03-01', 1, null],
  ])
})

test('the first and the last moment of a day in UTC show the same days', () => {
  const keys = (at: string) => everyDay([], 2, Date.parse(at)).map(({ key }) => key)
  expect(keys('2026-03-01T00:00:00.000Z')).toEqual(['2026-02-28', '2026-03-01'])
  expect(keys('2026-03-01T23:59:59.999Z')).toEqual(['2026-02-28', '2026-03-01'])
})

test('the share of the cache is of everything that was sent, and there is none of nothing', () => {
  expect([inputOf(item('a')), tokensOf(item('a')), cacheShare(item('a'))]).toEqual([100, 105, 0.8])
  const empty = item('a', { inputTokens: 0, cacheReadTokens: 0, cacheWriteTokens: 0 })
  expect(cacheShare(empty)).toBeNull()
})

test('the dearest comes first; an unknown cost is not the smallest, but stands last by its tokens', () => {
  const items = [
    item('small', { costUsd: null, inputTokens: 1 }),
    item('cheap', { costUsd: 0 }),
    item('large', { costUsd: null, inputTokens: 1_000 }),
    item('dear', { costUsd: 3 }),
  ]
  expect(dearestFirst(items).map(({ key }) => key)).toEqual(['dear', 'cheap', 'large', 'small'])
})
