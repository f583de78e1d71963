import { describe, expect, test } from 'vitest'
import {
  claimsOf,
  crossedThreshold,
  needOf,
  spentRatio,
  tokensFor,
  type BudgetLimits,
  type BudgetUse,
  type Claim,
} from './budget.ts'
import type { Prices } from './price-table.ts'

const NOW = Date.UTC(2026, 10, 30, 23, 59, 59)
const NONE: BudgetLimits = { day: null, month: null, personDay: null, unattendedDay: null }
const ALL: BudgetLimits = { day: 5, month: 100, personDay: 2, unattendedDay: 1 }
const ANNA = { person: 'telegram:1', conversation: 'telegram:7', chatDay: null, isUnattended: false }

describe('the budgets that concern a request', () => {
  test.each([
    ['none where none is set', ANNA, NONE, []],
    ['those of everybody and of the person', ANNA, ALL, ['day', 'month', 'person']],
    ['that of the chat as well', { ...ANNA, chatDay: 3 }, ALL, ['day', 'month', 'person', 'chat']],
    ['that of a chat alone', { ...ANNA, chatDay: 3 }, NONE, ['chat']],
    ['no person where nobody is known', { ...ANNA, person: null }, ALL, ['day', 'month']],
    [
      'what nobody attends has one budget in place of the person',
      { ...ANNA, isUnattended: true },
      ALL,
      ['day', 'month', 'unattended'],
    ],
  ] as const)('%s', (_, turn, limits, kinds) => {
    expect(claimsOf(turn, limits, NOW).map(({ kind }) => kind)).toEqual(kinds)
  })

  test('are those of the day and the month of UTC in which it is sent', () => {
    const keys = (now: number) => claimsOf({ ...ANNA, chatDay: 1 }, ALL, now).map(({ key }) => key)
    expect(keys(NOW)).toEqual([
      'day 2026-11-30',
      'month 2026-11',
      'person 2026-11-30 telegram:1',
      'chat 2026-11-30 telegram:7',
    ])
    expect(keys(NOW + 1_000)).toEqual([
      'day 2026-12-01',
      'month 2026-12',
      'person 2026-12-01 telegram:1',
      'chat 2026-12-01 telegram:7',
    ])
    // The clock was set back: the day goes on where it was.
    expect(keys(NOW)).toEqual(keys(NOW - 3_600_000))
  })

  test.each([
    ['the end of a month', NOW, '2026-12-01T00:00:00.000Z', '2026-12-01T00:00:00.000Z'],
    [
      'the first moment of a day',
      Date.UTC(2026, 11, 31),
      '2027-01-01T00:00:00.000Z',
      '2027-01-01T00:00:00.000Z',
    ],
    ['a leap year', Date.UTC(2028, 1, 28, 12), '2028-02-29T00:00:00.000Z', '2028-03-01T00:00:00.000Z'],
  ])('open again at midnight and at the end of the month: %s', (_, now, day, month) => {
    const ends = claimsOf(ANNA, ALL, now).map(({ resetsAt }) => new Date(resetsAt).toISOString())
    expect(ends).toEqual([day, month, day])
  })
})

const PRICES: Prices = {
  input: 2,
  output: 10,
  cacheRead: 0.2,
  cacheWrite5m: 2.5,
  cacheWrite1h: 4,
  webSearch: 10,
}

describe('what a request needs, and what it gets for less', () => {
  const bounds = { inputTokens: 1_000, maxTokens: 32_000, searches: 5 }
  // 1,000 tokens at the dearest price of input, five searches.
  const fixed = 1_000 * 4_000 + 5 * 10_000_000

  test('is all of its answer at most, and the shortest answer at least', () => {
    expect(needOf(bounds, PRICES)).toEqual({
      most: fixed + 32_000 * 10_000,
      least: fixed + 1_024 * 10_000,
    })
    // Nobody asks for more than was configured.
    const short = needOf({ ...bounds, maxTokens: 300 }, PRICES)
    expect(short.least).toBe(short.most)
  })

  test.each([
    ['all of it', fixed + 32_000 * 10_000, 32_000],
    ['more than all of it', fixed * 100, 32_000],
    ['a part', fixed + 5_000 * 10_000 + 9_999, 5_000],
    ['the shortest answer', fixed + 1_024 * 10_000, 1_024],
  ])('%s', (_, granted, tokens) => expect(tokensFor(granted, bounds, PRICES)).toBe(tokens))

  test('what costs nothing is not limited', () => {
    const free: Prices = { ...PRICES, output: 0 }
    expect(tokensFor(0, bounds, free)).toBe(32_000)
  })

  test('the tokens that are bought never cost more than was granted', () => {
    const need = needOf(bounds, PRICES)
    for (let granted = need.least; granted <= need.most; granted += 1_234_567) {
      const tokens = tokensFor(granted, bounds, PRICES)
      expect(fixed + tokens * 10_000).toBeLessThanOrEqual(granted)
    }
  })
})

describe('the thresholds of a budget', () => {
  const claim: Claim = { kind: 'day', key: 'day 2026-11-30', subject: null, limit: 1_000, resetsAt: NOW }
  const use = (spent: number, more: Partial<BudgetUse> = {}): BudgetUse => ({
    claim,
    spent,
    raised: 0,
    reachedAt: null,
    ...more,
  })

  test.each([
    ['nothing is crossed before the first', use(499), 0, null],
    ['the first', use(500), 0, 50],
    ['is told of once', use(799), 50, null],
    ['of several at once the highest', use(990), 0, 80],
    ['all of it', use(1_000), 80, 100],
    ['more than all of it', use(1_200), 80, 100],
    ['where a message found no room, all of it is crossed', use(400, { reachedAt: NOW }), 0, 100],
    ['and told of once', use(400, { reachedAt: NOW }), 100, null],
    ['a raised budget has more room', use(700, { raised: 1_000 }), 0, null],
  ])('%s', (_, spent, told, crossed) => {
    expect(crossedThreshold(spent, [50, 80, 100], told)).toBe(crossed)
  })

  test('a budget of nothing is spent', () => {
    expect(spentRatio({ ...use(0), claim: { ...claim, limit: 0 } })).toBe(1)
  })
})
