import { backoffDelay, type BackoffOptions } from '../../support/backoff.ts'
import { MINUTE, SECOND, sleep, type Clock } from '../../support/clock.ts'
import { StoreError, TransientError } from '../../support/errors.ts'
import { parseRetryAfter } from '../../support/retry-after.ts'

/** Ordinary trouble of a platform: over within seconds mostly, and asked about twice a minute at worst. */
export const RETRY: BackoffOptions = { initialMs: SECOND, maxMs: 30 * SECOND }
/** What only the operator can correct: asking often changes nothing, and the correction is found in time. */
export const OPERATOR_RETRY: BackoffOptions = { initialMs: 30 * SECOND, maxMs: 10 * MINUTE }
/**
 * The platform has done nothing wrong, and asking the store again is cheap: one that works again is
 * found out within seconds, however long it was away.
 */
const STORE_RETRY: BackoffOptions = { initialMs: SECOND, maxMs: 4 * SECOND }

/** How to wait after `error`: the store is asked again soon, everything else as `otherwise` says. */
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

/** The store failed, whatever was to be stored: nothing is ever passed over because of it. */
export function isStoreTrouble(error: unknown): boolean {
  return error instanceof StoreError || error instanceof TransientError
}

export interface UntilStopped {
  readonly clock: Clock
  readonly random: () => number
  readonly signal: AbortSignal
  readonly backoff?: BackoffOptions
  /** Told of each failure. What it throws ends the retries. */
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
