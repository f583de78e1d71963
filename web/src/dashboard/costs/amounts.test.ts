import { expect, test } from 'vitest'
import { axisDollars, costWords, dollars, percent, short } from './amounts.ts'

test.each([
  [null, 'unknown'],
  [0, '$0.00'],
  [0.0049, 'under $0.01'],
  [0.005, '$0.01'],
  [1.236, '$1.24'],
  [999.994, '$999.99'],
  [1_234.56, '$1,235'],
])('%s dollars are shown as %s: an unknown cost is never zero', (usd, text) => {
  expect(dollars(usd)).toBe(text)
})

test('a cost of which a part is unknown is a lower bound, and one that is all unknown is no amount', () => {
  expect(costWords({ costUsd: 1.236, unknownCostRequests: 0 })).toBe('$1.24')
  expect(costWords({ costUsd: 1.236, unknownCostRequests: 2 })).toBe('≥ $1.24')
  expect(costWords({ costUsd: null, unknownCostRequests: 2 })).toBe('unknown')
})

test.each([
  [0, '$0'],
  [0.0025, '$0.0025'],
  [0.1 + 0.2, '$0.3'],
  [1_500, '$1,500'],
])('%s on the axis is %s', (usd, text) => {
  expect(axisDollars(usd)).toBe(text)
})

test.each([
  [0, '0'],
  [999, '999'],
  [999.6, '1 k'],
  [1_240, '1.2 k'],
  [9_960, '10 k'],
  [38_400_000, '38 M'],
  [999_600_000, '1 B'],
])('%s is %s in short', (number, text) => {
  expect(short(number)).toBe(text)
})

test.each([
  [null, '–'],
  [0, '0 %'],
  [0.001, 'under 1 %'],
  [0.716, '72 %'],
  [0.999, '99 %'],
  [1, '100 %'],
])('a share of %s is %s: all and nothing only where it is', (share, text) => {
  expect(percent(share)).toBe(text)
})
