import { backoffDelay, parseRetryAfter, type BackoffOptions } from '../../support/backoff.ts'
import { MINUTE, SECOND, sleep, type Clock } from '../../support/clock.ts'
import { StoreError, TransientError } from '../../support/errors.ts'

/**
 * For ordinary failures: first after a second, and never rarer than every quarter of a minute, which is
 * how long a message may wait once the platform is well again.
 */
export const RETRY: BackoffOptions = { initialMs: SECOND, maxMs: 15 * SECOND }
/** For what only the operator can correct: rarely, yet the correction is noticed within ten minutes. */
export const OPERATOR_RETRY: BackoffOptions = { initialMs: 30 * SECOND, maxMs: 10 * MINUTE }
/**
 * Retrying the store is cheap and concerns no platform, so its recovery is noticed within seconds,
 * however long it was down.
 */
const STORE_RETRY: BackoffOptions = { initialMs: SECOND, maxMs: 4 * SECOND }

/** The back-off after `error`: short for the store, `otherwise` for everything else. */
export function backoffFor(error: unknown, otherwise: BackoffOptions): BackoffOptions {
  return error instanceof StoreError ? STORE_RETRY : otherwise
}

/** How long `error` asks to wait, in milliseconds; null = it does not say. */
export function retryAfterOf(error: unknown): number | null {
  return error instanceof Error && 'retryAfterMs' in error && typeof error.retryAfterMs === 'number'
    ? error.retryAfterMs
    : null
}

/** What the headers of an answer ask to wait, in milliseconds; null = nothing that can be read. */
export function retryAfterIn(headers: Headers): number | null {
  return parseRetryAfter(headers.get('retry-after'), Date.parse(headers.get('date') ?? ''))
}

/** The store failed, not the item: nothing is ever skipped because of it. */
export function isStoreTrouble(error: unknown): boolean {
  return error instanceof StoreError || error instanceof TransientError
}

export interface UntilStopped {
  readonly clock: Clock
  readonly random: () => number
  readonly signal: AbortSignal
  readonly backoff?: BackoffOptions
  /** Called after each failure. If it throws, the retries end with that error. */
  readonly onFailure: (error: unknown, attempt: number) => void
}

/** Runs `work` until it succeeds. @throws the signal's reason when aborted; what `onFailure` throws */
export async function retryUntilStopped<T>(work: () => Promise<T>, options: UntilStopped): Promise<T> {
  const { clock, random, signal, backoff = RETRY, onFailure } = options
  for (let attempt = 1; ; attempt++) {
    signal.throwIfAborted()
    try {
      return await work()
    } catch (error) {
      signal.throwIfAborted()
      onFailure(error, attempt)
      const delayMs = backoffDelay(attempt, backoffFor(error, backoff), random())
      await sleep(clock, Math.max(retryAfterOf(error) ?? 0, delayMs), signal)
    }
  }
}
