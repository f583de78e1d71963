import { describe, expect, it } from 'vitest'
import { costOf, worstCaseOf } from './cost.ts'
import { PriceTable } from './price-table.ts'

const NOTHING = { inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheWriteTokens: 0 }
const MILLION = 1_000_000
const USD = 1_000_000_000
const table = new PriceTable()

describe('what a request costs', () => {
  it.each([
    ['input', { inputTokens: MILLION }, 2],
    ['output', { outputTokens: MILLION }, 10],
    ['what was read from the cache', { cacheReadTokens: MILLION }, 0.2],
    ['what the cache keeps for 5 minutes', { cacheWriteTokens: MILLION }, 2.5],
    ['what the cache keeps for an hour', { cacheWriteTokens: MILLION, cacheWrite1hTokens: MILLION }, 4],
    ['both', { cacheWriteTokens: 2 * MILLION, cacheWrite1hTokens: MILLION }, 6.5],
    ['searches', { webSearches: 1_000 }, 10],
  ])('counts %s', (_, usage, usd) => {
    expect(costOf({ ...NOTHING, ...usage }, table.pricesOf('claude-sonnet-5-5'))).toBe(usd * USD)
  })

  it('is a whole number of nano-dollars', () => {
    const usage = { ...NOTHING, inputTokens: 3 }
    const prices = new PriceTable({ 'claude-odd': { ...LEFT_OUT, input: 0.0333, output: 1 } })
    expect(costOf(usage, prices.pricesOf('claude-odd'))).toBe(100)
  })

  it('counts no more tokens for an hour than were written', () => {
    const usage = { ...NOTHING, cacheWriteTokens: 1, cacheWrite1hTokens: MILLION }
    expect(costOf(usage, table.pricesOf('claude-sonnet-5-5'))).toBe(4_000)
  })

  it('is unknown where the price is', () => {
    expect(table.pricesOf('claude-haiku-5-5')).toBeNull()
    expect(costOf({ ...NOTHING, inputTokens: 1 }, null)).toBeNull()
  })
})

const LEFT_OUT = { cacheRead: null, cacheWrite5m: null, cacheWrite1h: null, webSearch: null }

describe('the table', () => {
  it.each(['claude-haiku-4-5', 'claude-haiku-4-5-20251001'])('knows %s', (model) => {
    expect(table.pricesOf(model)?.output).toBe(5)
  })

  it('knows nothing by the names of what every object has', () => {
    expect(table.pricesOf('constructor')).toBeNull()
  })

  it('has the prices of the configuration, which win', () => {
    const prices = new PriceTable({
      'anthropic/claude-opus-5.5': { ...LEFT_OUT, input: 8, output: 30, cacheRead: 3 },
    })
    expect(prices.pricesOf('claude-opus-5-5')).toEqual({
      input: 8,
      output: 30,
      cacheRead: 3,
      cacheWrite5m: 10,
      cacheWrite1h: 16,
      webSearch: 10,
    })
    expect(prices.pricesOf('claude-sonnet-5-5')).toEqual(table.pricesOf('claude-sonnet-5-5'))
  })

  it('gives of each kind the dearest', () => {
    const prices = new PriceTable({ cheap: { ...LEFT_OUT, input: 1, output: 1, webSearch: 99 } })
    expect(prices.dearest()).toEqual({ ...table.dearest(), webSearch: 99 })
    expect(table.dearest().output).toBe(50)
  })
})

it('reckons the worst case with the dearest price of input', () => {
  const prices = table.pricesOf('claude-sonnet-5-5')!
  const bounds = { inputTokens: MILLION, maxTokens: MILLION, searches: 1_000 }
  expect(worstCaseOf(bounds, prices)).toBe(24 * USD)
})
