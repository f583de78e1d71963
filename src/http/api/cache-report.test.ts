import { expect, test } from 'vitest'
import { cacheReport } from './cache-report.ts'

test('shares are of all that was sent, and none of nothing', () => {
  const reasons = [{ reason: 'expired', isExpected: true, requests: 2 }]
  expect(cacheReport({ inputTokens: 200, readTokens: 50, possibleTokens: 150, reasons })).toEqual({
    readShare: 0.25,
    possibleShare: 0.75,
    reasons,
  })
  expect(cacheReport({ inputTokens: 0, readTokens: 0, possibleTokens: 0, reasons: [] })).toEqual({
    readShare: null,
    possibleShare: null,
    reasons: [],
  })
})
