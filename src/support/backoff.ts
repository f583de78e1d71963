export interface BackoffOptions {
  /** The first delay, in milliseconds. */
  readonly initialMs: number
  /** No delay is longer than this, in milliseconds. */
  readonly maxMs: number
  /** Each delay is this many times the previous one. */
  readonly factor?: number
  /**
   * Jitter: the share of a delay that is added or subtracted at random, so that many waiters do not return
   * together.
   */
  readonly jitter?: number
}

/**
 * The delay before attempt number `attempt` + 1 (`attempt` counts failures, from 1), in milliseconds.
 *
 * @param random a number in [0, 1), `Math.random()` outside tests
 */
export function backoffDelay(attempt: number, options: BackoffOptions, random: number): number {
  const { initialMs, maxMs, factor = 2, jitter = 0.2 } = options
  const base = Math.min(maxMs, initialMs * factor ** Math.min(attempt - 1, 30))
  return Math.min(maxMs, Math.round(base * (1 - jitter + 2 * jitter * random)))
}
