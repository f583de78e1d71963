import { expect, test } from 'vitest'
import { post, startTestGateway } from '../../../test/support/web/http-gateway.ts'
import { DAY } from '../../support/clock.ts'
import type { UsageQuery, UsageSum } from '../../usage/ledger.ts'
import { sinceOf } from './usage-api.ts'

const SUM: UsageSum = {
  key: '2026-11-30',
  requests: 2,
  inputTokens: 10,
  outputTokens: 5,
  cacheReadTokens: 80,
  cacheWriteTokens: 10,
  cost: 1_500_000_000,
  unknown: 0,
  estimated: 1,
  subscription: 2,
}

test('costs are asked for by a time and a key, and a question that makes no sense is refused', async () => {
  const asked: UsageQuery[] = []
  const sums = async (query: UsageQuery) => {
    asked.push(query)
    return [SUM, { ...SUM, key: '2026-12-01', cost: null, unknown: 2 }]
  }
  await using gateway = await startTestGateway({ services_: { ledger: { sums } } })
  const response = await gateway.call('/api/usage?since=2026-11-30T00:00:00Z&by=model')
  const figures = { inputTokens: 10, outputTokens: 5, cacheReadTokens: 80, cacheWriteTokens: 10 }
  expect(await response.json()).toEqual({
    cache: { readShare: null, possibleShare: null, reasons: [] },
    since: '2026-11-30T00:00:00.000Z',
    by: 'model',
    items: [
      {
        key: '2026-11-30',
        requests: 2,
        ...figures,
        costUsd: 1.5,
        unknownCostRequests: 0,
        estimatedRequests: 1,
        subscriptionRequests: 2,
      },
      {
        key: '2026-12-01',
        requests: 2,
        ...figures,
        costUsd: null,
        unknownCostRequests: 2,
        estimatedRequests: 1,
        subscriptionRequests: 2,
      },
    ],
    total: {
      requests: 4,
      inputTokens: 20,
      outputTokens: 10,
      cacheReadTokens: 160,
      cacheWriteTokens: 20,
      costUsd: 1.5,
      unknownCostRequests: 2,
      estimatedRequests: 2,
      subscriptionRequests: 4,
    },
  })
  expect(asked).toEqual([{ by: 'model', since: Date.parse('2026-11-30') }])
  expect((await gateway.call('/api/usage')).status).toBe(200)
  expect(asked[1]).toMatchObject({ by: 'day' })
  for (const query of ['?by=__proto__', '?by=', '?since=yesterday', '?since=2026-13-01', '?since=-1d'])
    expect([query, (await gateway.call(`/api/usage${query}`)).status]).toEqual([query, 400])
})

test('they name people and conversations, so a token of a chat does not reach them', async () => {
  await using gateway = await startTestGateway()
  expect((await fetch(`${gateway.url}/api/usage`)).status).toBe(401)
  const { token } = (await (await gateway.call('/api/tokens', post({ scope: 'chat' }))).json()) as {
    token: string
  }
  const headers = { authorization: `Bearer ${token}` }
  expect((await gateway.call('/api/usage', { headers })).status).toBe(403)
})

test.each([
  ['', 70 * DAY],
  ['7d', 93 * DAY],
  ['1970-02-01', 31 * DAY],
  ['1970-02-01T12:00:00Z', 31.5 * DAY],
  ['soon', null],
])('since %j', (text, since) => {
  expect(sinceOf(text, 100 * DAY)).toBe(since)
})
