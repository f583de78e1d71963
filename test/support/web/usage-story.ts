import { badRequest, json } from '../../../src/http/answers.ts'
import type { Endpoint } from '../../../src/http/routes.ts'
import type { CacheReport, UsageItem, UsageTotal, UsageWithCache } from '../../../src/http/wire-reports.ts'
import { DAY, isoTime } from '../../../src/support/clock.ts'

export interface UsageStory {
  /** Serves `GET /api/usage`. */
  readonly endpoint: Endpoint
  /** What was asked for, as `by`. */
  readonly asked: string[]
  /** Answered instead, while it is set. */
  answer: (() => Promise<Response>) | null
  /** An answer waits for it. */
  before: () => Promise<void>
}

const GROUPS: readonly UsageWithCache['by'][] = ['day', 'person', 'conversation', 'model', 'tool']

/** Months of requests, with the longest names that may come, days off, and a model without a price. */
export function createUsageStory(): UsageStory {
  const asked: string[] = []
  const story: UsageStory = {
    asked,
    answer: null,
    before: async () => {},
    endpoint: ({ routes }) => {
      routes.guarded('all', 'GET', '/api/usage', async (c) => {
        const by = GROUPS.find((group) => group === c.req.query('by'))
        const since = Date.parse(c.req.query('since') ?? '')
        if (by === undefined || Number.isNaN(since)) throw badRequest('`since` and `by` are needed.')
        asked.push(by)
        await story.before()
        return (await story.answer?.()) ?? json<UsageWithCache>(200, usageOf(by, since))
      })
      return { close: () => {} }
    },
  }
  return story
}

export const NO_USAGE: UsageWithCache = reportOf('day', Date.now(), [], [])

function usageOf(by: UsageWithCache['by'], since: number): UsageWithCache {
  const days = Array.from({ length: Math.ceil((Date.now() - since) / DAY) }, (_, index) => {
    const at = since + index * DAY
    const weight = 1 + ((Math.floor(at / DAY) * 7) % 11)
    // Nobody writes on a Sunday; now and then somebody tries a model without a price.
    if (new Date(at).getUTCDay() === 0) return []
    const unpriced = index % 19 === 5
    const day = item(new Date(at).toISOString().slice(0, 10), weight, unpriced ? null : weight * 0.21)
    return [index % 7 === 3 && !unpriced ? { ...day, unknownCostRequests: 2 } : day]
  }).flat()
  if (by === 'day') return { ...reportOf(by, since, days, days), cache: CACHE }
  const weight = days.length
  const items = SHARES[by].map(([key, share, price]) =>
    item(key, weight * share, price === null ? null : weight * share * price),
  )
  return reportOf(by, since, items, days)
}

function reportOf(
  by: UsageWithCache['by'],
  since: number,
  items: readonly UsageItem[],
  all: readonly UsageItem[],
): UsageWithCache {
  return { since: isoTime(since), by, items, total: totalOf(all) }
}

const CACHE: CacheReport = {
  readShare: 0.716,
  possibleShare: 0.84,
  reasons: [
    { reason: 'system_changed', isExpected: false, requests: 31 },
    { reason: 'not-known', isExpected: false, requests: 1 },
    { reason: 'expired', isExpected: true, requests: 112 },
    { reason: 'first-request', isExpected: true, requests: 40 },
    { reason: 'epoch-trim', isExpected: true, requests: 3 },
  ],
}

const LONG = 'x'.repeat(120)

const SHARES: Readonly<
  Record<
    Exclude<UsageWithCache['by'], 'day'>,
    ReadonlyArray<readonly [key: string, share: number, price: number | null]>
  >
> = {
  model: [
    ['claude-sonnet-4-6', 4, 0.21],
    ['claude-opus-4-6', 1, 0.6],
    [`a-model-of-ours-${LONG}`, 0.2, null],
  ],
  person: [
    ['telegram:1234567', 2, 0.21],
    [`email:${LONG}@example.org`, 1, 0.2],
    ['', 0.5, 0.2],
    ...Array.from({ length: 20 }, (_, index) => [`slack:U0${index}`, 0.1, 0.2] as const),
  ],
  conversation: [
    ['telegram:1234567', 2, 0.21],
    [`email:${LONG}`, 1.4, 0.2],
    ...Array.from({ length: 9 }, (_, index) => [`slack:C0${index}`, 0.3 - index / 40, 0.2] as const),
    ['discord:9', 0.4, null],
  ],
  tool: [
    ['', 3, 0.2],
    ['web_search', 1, 0.3],
    ['memory', 0.4, 0.2],
  ],
}

function item(key: string, weight: number, costUsd: number | null): UsageItem {
  return {
    key,
    requests: Math.ceil(weight * 13),
    inputTokens: Math.round(weight * 21_000),
    outputTokens: Math.round(weight * 9_000),
    cacheReadTokens: Math.round(weight * weight * 24_000),
    cacheWriteTokens: Math.round(weight * 17_000),
    costUsd,
    unknownCostRequests: costUsd === null ? Math.ceil(weight * 13) : 0,
    estimatedRequests: weight > 2 ? 1 : 0,
    subscriptionRequests: 5,
  }
}

function totalOf(items: readonly UsageItem[]): UsageTotal {
  const sum = (of: (entry: UsageItem) => number): number =>
    items.reduce((total, entry) => total + of(entry), 0)
  return {
    requests: sum(({ requests }) => requests),
    inputTokens: sum(({ inputTokens }) => inputTokens),
    outputTokens: sum(({ outputTokens }) => outputTokens),
    cacheReadTokens: sum(({ cacheReadTokens }) => cacheReadTokens),
    cacheWriteTokens: sum(({ cacheWriteTokens }) => cacheWriteTokens),
    costUsd: items.some(({ costUsd }) => costUsd !== null) ? sum(({ costUsd }) => costUsd ?? 0) : null,
    unknownCostRequests: sum(({ unknownCostRequests }) => unknownCostRequests),
    estimatedRequests: sum(({ estimatedRequests }) => estimatedRequests),
    subscriptionRequests: sum(({ subscriptionRequests }) => subscriptionRequests),
  }
}
