import type { CacheMiss } from '../conversation/model.ts'
import { SECOND } from '../support/clock.ts'

/** An answered request of a conversation whose prompt the provider was asked to keep. */
export interface CachedRequest {
  /** Within one, each request begins with the one before it. */
  readonly epoch: string
  readonly epochReason: string
  readonly model: string
  /** To forbid calls, or to allow them again, changes what the messages are kept under. */
  readonly toolChoice: string | null
  /** So does one more or one less. */
  readonly pictures: number
  /** How many messages it has sent. */
  readonly messages: number
  /** Epoch milliseconds. */
  readonly startedAt: number
  /** How long its prompt is kept, unless it is read again. */
  readonly lifeMs: number
  /** All tokens of its prompt; null = the provider has counted several prompts as one. */
  readonly inputTokens: number | null
  readonly readTokens: number
  readonly writtenTokens: number
  /** Why the provider did not use what it had kept; null = it has not said. */
  readonly miss: CacheMiss['reason'] | null
}

/** Why less was read than the request before has left, where that is as it has to be. */
export type ExpectedMiss =
  /** Nothing is known of a request before it: it is the first one, or the gateway has started since. */
  | 'first-request'
  /** The conversation begins otherwise than before, for a reason of its own. */
  | `epoch-${string}`
  | 'other-model'
  /** What was kept has not been read for too long. */
  | 'expired'
  /** Prompts of this length are not kept. */
  | 'too-short'
  | 'tool-choice'
  /** One has come or gone: the provider reads all messages again. */
  | 'pictures'
  /** The request before it is no part of the conversation any more, such as a refused message. */
  | 'replaced'

/**
 * Why less was read, although the request before it should have left it there: as the provider says it,
 * `not-kept`: that one has left nothing; `not-known`.
 */
export type UnexpectedMiss = CacheMiss['reason'] | 'not-kept' | 'not-known'

/** What a request has read, next to what it could have read. `possibleTokens` is never less than what was read. */
export type CacheUse =
  | { readonly kind: 'hit'; readonly possibleTokens: number }
  | { readonly kind: 'expected'; readonly reason: ExpectedMiss; readonly possibleTokens: number }
  | { readonly kind: 'unexpected'; readonly reason: UnexpectedMiss; readonly possibleTokens: number }

/** Counts of the same prompt can differ by a little from one request to the next. */
const HIT_SHARE = 0.95
/** The largest minimum that a model has: a longer prompt is kept by each of them. */
const LONGEST_MINIMUM_TOKENS = 4_096
/** The provider's clock runs from when the request arrives there, which can be somewhat later than we count. */
const LIFE_MARGIN_MS = 5 * SECOND

/**
 * Judges what `request` has read from the cache by what the request before it has left there.
 *
 * @param previous the last answered request of the conversation; null = none is known of
 */
export function decideCacheUse(previous: CachedRequest | null, request: CachedRequest): CacheUse {
  const { readTokens } = request
  const expected = (reason: ExpectedMiss): CacheUse => ({
    kind: 'expected',
    reason,
    possibleTokens: readTokens,
  })
  if (previous === null) return expected('first-request')
  const left = previous.readTokens + previous.writtenTokens
  if (left > 0 && readTokens >= left * HIT_SHARE) {
    return { kind: 'hit', possibleTokens: Math.max(left, readTokens) }
  }
  if (previous.model !== request.model) return expected('other-model')
  if (previous.epoch !== request.epoch) return expected(`epoch-${request.epochReason}`)
  if (request.messages <= previous.messages) return expected('replaced')
  if (previous.toolChoice !== request.toolChoice) return expected('tool-choice')
  if (previous.pictures !== request.pictures) return expected('pictures')
  if (request.startedAt >= previous.startedAt + previous.lifeMs - LIFE_MARGIN_MS) return expected('expired')
  // Of several prompts counted as one nobody knows how much the last one has left.
  if (previous.inputTokens === null) return { kind: 'hit', possibleTokens: readTokens }
  if (left === 0) {
    if (readTokens > 0) return { kind: 'hit', possibleTokens: readTokens }
    if (previous.inputTokens < LONGEST_MINIMUM_TOKENS) return expected('too-short')
    return { kind: 'unexpected', reason: 'not-kept', possibleTokens: previous.inputTokens }
  }
  return { kind: 'unexpected', reason: request.miss ?? 'not-known', possibleTokens: left }
}
