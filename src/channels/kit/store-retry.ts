import type { BackoffOptions } from '../../support/backoff.ts'
import { SECOND } from '../../support/clock.ts'
import { StoreError } from '../../support/errors.ts'

/**
 * The platform has done nothing wrong, and asking the store again is cheap: one that works again is
 * found out within seconds, however long it was away.
 */
const STORE_RETRY: BackoffOptions = { initialMs: SECOND, maxMs: 4 * SECOND }

/** How to wait after `error`: the store is tried again soon, everything else as `otherwise` says. */
export function patienceAfter(error: unknown, otherwise: BackoffOptions): BackoffOptions {
  return error instanceof StoreError ? STORE_RETRY : otherwise
}
