import { sleep, SECOND, type Clock } from '../../support/clock.ts'
import { messageOf, StoreError } from '../../support/errors.ts'
import type { Renewal } from '../held.ts'
import type { RepeatPolicy, RefreshOutcome } from '../sign-in.ts'
import { MAX_WAIT_MS } from './refresh-policy.ts'

/** How long to wait before looking again at a sign-in that another process refreshes. */
const BUSY_PAUSE_MS = SECOND / 2

/**
 * One refresh to its end: where another process is at it, its result is waited for
 * and taken. Never rejects.
 *
 * @param signal ends every wait; never a request that has left
 */
export async function refreshOnce(
  { signIn, generation }: Renewal,
  clock: Clock,
  signal: AbortSignal,
  options: RepeatPolicy,
): Promise<Exclude<RefreshOutcome, { kind: 'busy' }>> {
  const deadline = clock.monotonic() + MAX_WAIT_MS
  try {
    for (;;) {
      const outcome = await signIn.refresh(generation, signal, options)
      if (outcome.kind !== 'busy') return outcome
      if (clock.monotonic() + BUSY_PAUSE_MS >= deadline) break
      await sleep(clock, BUSY_PAUSE_MS, signal)
      const stored = await signIn.read()
      if (stored.kind === 'present' && !stored.generation.accessToken.equals(generation.accessToken)) {
        return { kind: 'adopted', generation: stored.generation }
      }
    }
    return transient('store', 'another process has been renewing the sign-in for too long')
  } catch (error) {
    if (signal.aborted) return transient('network', 'the gateway is stopping')
    if (error instanceof StoreError) return { kind: 'store', message: messageOf(error) }
    return transient('network', messageOf(error))
  }
}

function transient(
  reason: 'store' | 'network',
  message: string,
): Extract<RefreshOutcome, { kind: 'transient' }> {
  return { kind: 'transient', reason, message, retryAfterMs: null, ambiguous: false }
}
