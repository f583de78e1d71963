import type { Usage } from '../inbox/lease.ts'
import type { NanoUsd, Prices } from './price-table.ts'

/** A token at one USD per million costs a thousand nano-dollars. */
const NANO_PER_TOKEN = 1_000
/** A search at one USD per thousand costs a million nano-dollars. */
const NANO_PER_SEARCH = 1_000_000
const NANO_PER_USD = 1_000_000_000

/** What one request costs; null = its price is unknown, which is not free. */
export function costOf(usage: Usage, prices: Prices | null): NanoUsd | null {
  if (prices === null) return null
  const { cacheWrite1hTokens = 0, webSearches = 0 } = usage
  // More than was written at all can only be an odd figure of the other side's.
  const written1h = Math.min(cacheWrite1hTokens, usage.cacheWriteTokens)
  const tokens =
    usage.inputTokens * prices.input +
    usage.outputTokens * prices.output +
    usage.cacheReadTokens * prices.cacheRead +
    (usage.cacheWriteTokens - written1h) * prices.cacheWrite5m +
    written1h * prices.cacheWrite1h
  return Math.round(tokens * NANO_PER_TOKEN + webSearches * prices.webSearch * NANO_PER_SEARCH)
}

/** The most that a request can come to, as far as that is known before it is sent. */
export interface RequestBounds {
  readonly inputTokens: number
  readonly maxTokens: number
  /** Searches that the provider's tools may make. */
  readonly searches: number
}

/** What a request costs at most: all of its input at the highest price of input. What the provider's tools read is beyond it. */
export function worstCaseOf({ inputTokens, maxTokens, searches }: RequestBounds, prices: Prices): NanoUsd {
  const input = Math.max(prices.input, prices.cacheRead, prices.cacheWrite5m, prices.cacheWrite1h)
  const tokens = inputTokens * input + maxTokens * prices.output
  return Math.ceil(tokens * NANO_PER_TOKEN + searches * prices.webSearch * NANO_PER_SEARCH)
}

/** @param usd as people write it, in dollars */
export function nanoOf(usd: number): NanoUsd {
  return Math.round(usd * NANO_PER_USD)
}
