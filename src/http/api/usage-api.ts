import { parseDuration } from '../../config/duration.ts'
import { DAY, isoTime } from '../../support/clock.ts'
import { usdOf } from '../../usage/cost-in-words.ts'
import {
  totalOf,
  USAGE_GROUPS,
  type Ledger,
  type UsageGroup,
  type UsageQuery,
  type UsageSum,
} from '../../usage/ledger.ts'
import { badRequest, json } from '../answers.ts'
import type { Routes } from '../routes.ts'
import type { CacheReport, UsageReport, UsageTotal, UsageWithCache } from '../wire-reports.ts'

/** A month, as bills are written. */
const DEFAULT_RANGE_MS = 30 * DAY
const ISO_TIME = /^\d{4}-\d\d-\d\d(?:T\S+)?$/

/** What requests to the model cost: for operators alone, because it names people and conversations. */
/** @param cacheUse see `DashboardServices.cache` */
export function addUsageRoutes(
  routes: Routes,
  ledger: Ledger,
  cacheUse: (since: number) => CacheReport,
  now: () => number,
): void {
  routes.guarded('all', 'GET', '/api/usage', async (c) => {
    const since = sinceOf(c.req.query('since') ?? '', now())
    if (since === null) throw badRequest('`since` must be a time in ISO 8601, or a duration such as 30d.')
    const by = groupOf(c.req.query('by') ?? 'day')
    if (by === null) throw badRequest(`\`by\` must be one of: ${USAGE_GROUPS.join(', ')}.`)
    const report = usageReport({ by, since }, await ledger.sums({ by, since }))
    return json<UsageWithCache>(200, { ...report, cache: cacheUse(since) })
  })
}

/** @param text a time in ISO 8601, or a duration before `now`; empty: 30 days. @returns null = it is neither */
export function sinceOf(text: string, now: number): number | null {
  if (text === '') return now - DEFAULT_RANGE_MS
  if (ISO_TIME.test(text)) {
    const time = Date.parse(text)
    return Number.isNaN(time) ? null : time
  }
  try {
    return now - parseDuration(text)
  } catch {
    return null
  }
}

function groupOf(text: string): UsageGroup | null {
  return USAGE_GROUPS.find((group) => group === text) ?? null
}

export function usageReport({ by, since }: UsageQuery, sums: readonly UsageSum[]): UsageReport {
  return {
    since: isoTime(since),
    by,
    items: sums.map((sum) => ({ key: sum.key, ...figuresOf(sum) })),
    total: figuresOf(totalOf(sums)),
  }
}

function figuresOf(sum: UsageSum): UsageTotal {
  return {
    requests: sum.requests,
    inputTokens: sum.inputTokens,
    outputTokens: sum.outputTokens,
    cacheReadTokens: sum.cacheReadTokens,
    cacheWriteTokens: sum.cacheWriteTokens,
    costUsd: sum.cost === null ? null : usdOf(sum.cost),
    unknownCostRequests: sum.unknown,
    estimatedRequests: sum.estimated,
    subscriptionRequests: sum.subscription,
  }
}
