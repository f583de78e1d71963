import { Emitter } from '../support/emitter.ts'
import type { Log } from '../support/log.ts'
import { remember } from '../support/remember.ts'
import { addCacheUse, NO_TROUBLE, type CacheChange } from './cache-trouble.ts'
import { decideCacheUse, type CachedRequest, type CacheUse } from './cache-watch.ts'
import { dayOf } from './ledger.ts'

/** The conversations of a busy day; some hundred bytes each. */
const KEPT_CONVERSATIONS = 10_000
/** What was logged is not logged again, as long as it is remembered. */
const KEPT_LOGGED = 10_000
/** As many as the page shows. */
const KEPT_DAYS = 91

/** What the conversations have read from the cache, of the requests that could be judged. */
export interface CacheFigures {
  readonly inputTokens: number
  readonly readTokens: number
  readonly possibleTokens: number
  readonly reasons: readonly CacheReason[]
}

export interface CacheReason {
  readonly reason: string
  /** It has to be so: nothing is wrong. */
  readonly isExpected: boolean
  readonly requests: number
}

interface Day {
  inputTokens: number
  readTokens: number
  possibleTokens: number
  readonly reasons: Map<string, { readonly isExpected: boolean; requests: number }>
}

/**
 * Follows what each conversation reads from the provider's cache. In memory, of this process: after a start it
 * begins again.
 */
export class CacheRecord {
  readonly #log: Log
  readonly #changes: Emitter<CacheChange>
  readonly #last = new Map<string, CachedRequest>()
  readonly #logged = new Map<string, true>()
  /** By the day in UTC. */
  readonly #days = new Map<string, Day>()
  #trouble = NO_TROUBLE

  constructor(log: Log, onProblem: (error: unknown) => void) {
    this.#log = log
    this.#changes = new Emitter(onProblem)
  }

  /** Calls `listener` when misses that nothing explains have lasted for an hour, and when they are over. */
  subscribe(listener: (change: CacheChange) => void): Disposable {
    return this.#changes.subscribe(listener)
  }

  /** To be called for each answered request of a conversation, in their order. */
  add(conversation: string, request: CachedRequest, now: number): CacheUse {
    const use = decideCacheUse(this.#last.get(conversation) ?? null, request)
    remember(this.#last, conversation, request, KEPT_CONVERSATIONS)
    this.#count(request, use, now)
    if (use.kind === 'unexpected') this.#logOnce(conversation, use, request)
    const { trouble, change } = addCacheUse(this.#trouble, use, request.readTokens, now)
    this.#trouble = trouble
    if (change !== null) this.#changes.emit(change)
    return use
  }

  /** @param since epoch milliseconds: whole days in UTC, the one that it lies in included */
  figures(since: number): CacheFigures {
    const sum = emptyDay()
    const first = dayOf(since)
    for (const [day, figures] of this.#days) {
      if (day < first) continue
      sum.inputTokens += figures.inputTokens
      sum.readTokens += figures.readTokens
      sum.possibleTokens += figures.possibleTokens
      for (const [reason, { isExpected, requests }] of figures.reasons)
        addReason(sum, reason, isExpected, requests)
    }
    const { reasons, ...tokens } = sum
    return {
      ...tokens,
      reasons: [...reasons]
        .map(([reason, counted]) => ({ reason, ...counted }))
        .sort((a, b) => Number(a.isExpected) - Number(b.isExpected) || b.requests - a.requests),
    }
  }

  #count({ inputTokens, readTokens }: CachedRequest, use: CacheUse, now: number): void {
    const key = dayOf(now)
    const day = this.#days.get(key) ?? emptyDay()
    if (!this.#days.has(key)) remember(this.#days, key, day, KEPT_DAYS)
    // A sum of several prompts has its share of the cache as well, but no length.
    if (inputTokens !== null) {
      day.inputTokens += inputTokens
      day.readTokens += readTokens
      // What the request before has sent can be more than this one: then all of this one was possible.
      day.possibleTokens += Math.min(use.possibleTokens, inputTokens)
    }
    if (use.kind !== 'hit') addReason(day, use.reason, use.kind === 'expected', 1)
  }

  #logOnce(
    conversation: string,
    { reason, possibleTokens }: CacheUse & { readonly kind: 'unexpected' },
    { readTokens, model }: CachedRequest,
  ): void {
    const key = `${reason} ${conversation}`
    if (this.#logged.has(key)) return
    remember(this.#logged, key, true, KEPT_LOGGED)
    this.#log.warn(
      { conversation, model, reason, readTokens, possibleTokens },
      'less was read from the prompt cache than the request before has left there',
    )
  }
}

function addReason(day: Day, reason: string, isExpected: boolean, requests: number): void {
  const counted = day.reasons.get(reason)
  if (counted) counted.requests += requests
  else day.reasons.set(reason, { isExpected, requests })
}

function emptyDay(): Day {
  return { inputTokens: 0, readTokens: 0, possibleTokens: 0, reasons: new Map() }
}
