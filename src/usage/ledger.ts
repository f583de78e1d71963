import type { NanoUsd } from './price-table.ts'

/** By what the requests of a time are put together. */
export const USAGE_GROUPS = ['day', 'person', 'conversation', 'model', 'tool'] as const

export type UsageGroup = (typeof USAGE_GROUPS)[number]

export interface UsageQuery {
  readonly by: UsageGroup
  /** Epoch milliseconds. */
  readonly since: number
  /** Of this conversation alone; null or left out: of all. */
  readonly conversation?: string | null
}

/** What the requests of one key have come to. */
export interface UsageSum {
  /** A day in UTC, such as `2026-11-30`, a person or conversation with its channel, a model, a tool; empty: none. */
  readonly key: string
  readonly requests: number
  readonly inputTokens: number
  readonly outputTokens: number
  readonly cacheReadTokens: number
  readonly cacheWriteTokens: number
  /** Of the requests with a known cost; null = of none it is known. */
  readonly cost: NanoUsd | null
  /** Requests whose cost is unknown. */
  readonly unknown: number
  /** Requests whose cost is an estimate. */
  readonly estimated: number
  /** Requests that a subscription has paid. */
  readonly subscription: number
}

/** What all requests have cost. Implemented by each storage. */
export interface Ledger {
  /** A sum a key, in the order of the keys. */
  sums(query: UsageQuery): Promise<readonly UsageSum[]>
}

/** All of them together, without a key. */
export function totalOf(sums: readonly UsageSum[]): UsageSum {
  return sums.reduce(add, NOTHING)
}

const NOTHING: UsageSum = {
  key: '',
  requests: 0,
  inputTokens: 0,
  outputTokens: 0,
  cacheReadTokens: 0,
  cacheWriteTokens: 0,
  cost: 0,
  unknown: 0,
  estimated: 0,
  subscription: 0,
}

function add(a: UsageSum, b: UsageSum): UsageSum {
  const requests = a.requests + b.requests
  const unknown = a.unknown + b.unknown
  return {
    key: '',
    requests,
    inputTokens: a.inputTokens + b.inputTokens,
    outputTokens: a.outputTokens + b.outputTokens,
    cacheReadTokens: a.cacheReadTokens + b.cacheReadTokens,
    cacheWriteTokens: a.cacheWriteTokens + b.cacheWriteTokens,
    // Of some requests nothing is known: that is no reason to hide what is.
    cost: requests > 0 && unknown === requests ? null : (a.cost ?? 0) + (b.cost ?? 0),
    unknown,
    estimated: a.estimated + b.estimated,
    subscription: a.subscription + b.subscription,
  }
}

/** All that was sent, whatever it cost. */
export function inputOf(sum: Omit<UsageSum, 'key'>): number {
  return sum.inputTokens + sum.cacheReadTokens + sum.cacheWriteTokens
}

/** The share of the input that came from the cache, 0 to 1; null = nothing was sent. */
export function cacheShareOf(sum: UsageSum): number | null {
  const input = inputOf(sum)
  return input === 0 ? null : sum.cacheReadTokens / input
}

/** The day in UTC in which `at` lies, as it is a key of sums. */
export function dayOf(at: number): string {
  return new Date(at).toISOString().slice(0, '2026-11-30'.length)
}

/** When the month of `now` began, in UTC. */
export function startOfMonth(now: number): number {
  const date = new Date(now)
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), 1)
}
