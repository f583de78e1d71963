import type { UsageItem } from '../../../../src/http/wire-reports.ts'
import { DAY } from '../words.ts'
import { firstDay } from './load-usage.ts'

type Tokens = Pick<UsageItem, 'inputTokens' | 'outputTokens' | 'cacheReadTokens' | 'cacheWriteTokens'>

/** One item for each day, the first day first: a day without requests cost nothing. */
export function everyDay(items: readonly UsageItem[], days: number, now: number): readonly UsageItem[] {
  const known = new Map(items.map((item) => [item.key, item]))
  const first = firstDay(days, now)
  return Array.from({ length: days }, (_, index) => {
    const key = new Date(first + index * DAY).toISOString().slice(0, 'yyyy-mm-dd'.length)
    return known.get(key) ?? nothing(key)
  })
}

function nothing(key: string): UsageItem {
  return {
    key,
    requests: 0,
    inputTokens: 0,
    outputTokens: 0,
    cacheReadTokens: 0,
    cacheWriteTokens: 0,
    costUsd: 0,
    unknownCostRequests: 0,
    estimatedRequests: 0,
    subscriptionRequests: 0,
  }
}

/** Everything that was sent, wherever the provider had it from. */
export function inputOf({ inputTokens, cacheReadTokens, cacheWriteTokens }: Tokens): number {
  return inputTokens + cacheReadTokens + cacheWriteTokens
}

export function tokensOf(tokens: Tokens): number {
  return inputOf(tokens) + tokens.outputTokens
}

/** The share of what was sent that came from the cache; null = nothing was sent. */
export function cacheShare(tokens: Tokens): number | null {
  const input = inputOf(tokens)
  return input === 0 ? null : tokens.cacheReadTokens / input
}

/** The dearest first; what has no known price after them, by its tokens. */
export function dearestFirst(items: readonly UsageItem[]): readonly UsageItem[] {
  return [...items].sort(
    (a, b) => (b.costUsd ?? -1) - (a.costUsd ?? -1) || tokensOf(b) - tokensOf(a) || (a.key < b.key ? -1 : 1),
  )
}
