import { describe, expect, test } from 'vitest'
import type { TurnCost } from '../inbox/lease.ts'
import { PriceTable } from './price-table.ts'
import { spentOf, Spending } from './spending.ts'

const prices = new PriceTable()
const NO_USAGE = { inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheWriteTokens: 0 }
const PAID: TurnCost = {
  model: 'claude-sonnet-5-5',
  usage: { ...NO_USAGE, inputTokens: 1_000, outputTokens: 100 },
  modelMs: 5,
}

describe('what was paid', () => {
  test('has the price of its model', () => {
    expect(spentOf('answer', PAID, prices)).toEqual({
      ...PAID,
      kind: 'answer',
      requests: 1,
      cost: 3_000_000,
      isEstimated: false,
      isSubscription: false,
      tool: null,
    })
  })

  test('of a model whose price is unknown has an unknown cost, which is not 0', () => {
    const unknown = { ...PAID, model: 'claude-haiku-5-5' }
    expect(spentOf('answer', unknown, prices)).toMatchObject({ cost: null, isEstimated: false })
  })

  test('without usage is the worst case of its request, estimated', () => {
    const bounds = () => ({ inputTokens: 1_000, maxTokens: 100, searches: 1 })
    const missing = { ...PAID, usage: NO_USAGE }
    // A thousand tokens written to the cache for an hour, a hundred of output, and a search.
    expect(spentOf('answer', missing, prices, { bounds })).toMatchObject({
      cost: 4_000_000 + 1_000_000 + 10_000_000,
      isEstimated: true,
    })
    expect(spentOf('answer', missing, prices)).toMatchObject({ cost: null, isEstimated: true })
    const unknown = { ...missing, model: 'claude-haiku-5-5' }
    expect(spentOf('answer', unknown, prices, { bounds })).toMatchObject({ cost: null, isEstimated: true })
  })

  test('by a subscription is known as that, at the same prices', () => {
    const spent = spentOf('answer', { ...PAID, isSubscription: true }, prices)
    expect(spent).toMatchObject({ cost: 3_000_000, isSubscription: true, isEstimated: false })
  })

  test('for an answer that was lost is an estimate', () => {
    expect(spentOf('lost', PAID, prices)).toMatchObject({ cost: 3_000_000, isEstimated: true })
  })

  test('for the results of a tool counts for it, else for the search that the provider has made', () => {
    const searching = { ...PAID, usage: { ...PAID.usage, webSearches: 1 } }
    expect(spentOf('step', searching, prices)).toMatchObject({ tool: 'web_search', cost: 13_000_000 })
    expect(spentOf('step', searching, prices, { tool: 'look' })).toMatchObject({ tool: 'look' })
  })
})

test('what the store has is not handed out again, and what nobody was asked for is nothing', () => {
  const seen: string[] = []
  const spending = new Spending(prices, ({ kind }) => seen.push(kind))
  expect(spending.unstored).toEqual({})
  spending.add('summary', PAID)
  spending.add('step', PAID)
  const first = spending.send()
  spending.add('lost', PAID)
  spending.add('answer', { ...PAID, requests: 0 })
  // The store has not said yet that it has them.
  expect(spending.unstored).toMatchObject({
    spent: [{ kind: 'summary' }, { kind: 'step' }, { kind: 'lost' }],
    storedBefore: 0,
  })
  spending.stored(first)
  expect(spending.unstored).toEqual({ spent: [expect.objectContaining({ kind: 'lost' })] })
  spending.send()
  expect(spending.unstored).toMatchObject({ storedBefore: 2 })
  expect(seen).toEqual(['summary', 'step', 'lost'])
})
