import type { KeeperContext } from './keeper-context.ts'
import { REJECTED, type KeeperEvent } from './keeper-state.ts'
import { pendingProbe } from './prober.ts'
import { isTokenGood, mayRefreshAfterRejection } from './record-rules.ts'
import { MAX_RETRY_AFTER_MS } from './refresh-policy.ts'
import type { TokenClock } from './token-clock.ts'

/** What a credential that was loaded or refreshed is worth, with what is remembered of it already. */
export function eventsOfAdoption(context: KeeperContext, token: TokenClock): KeeperEvent[] {
  const { memory, clock } = context
  const { record } = memory
  const { credential, isOver } = token
  const { fingerprint, refreshSource } = credential
  const usable = isTokenGood(record, token)
  const found: KeeperEvent = {
    type: 'found',
    active: credential,
    usable: !isOver,
    retryNow: context.retryIn(0, 'refresh', 0),
  }

  if (record.forbidden?.fingerprint === fingerprint) {
    const { reason, message, byScope } = record.forbidden
    return [
      found,
      { type: 'forbidden', reason, message, byScope, retry: byScope ? null : pendingProbe(context) },
    ]
  }
  if (record.ended?.fingerprint === fingerprint) {
    const { reason, message } = record.ended
    return [found, { type: 'sign-in-ended', reason, message, usable }]
  }
  if (!usable && !isOver) {
    if (refreshSource === null)
      return [found, { type: 'rejected', ...REJECTED, retry: pendingProbe(context), final: true }]
    if (!mayRefreshAfterRejection(record, token))
      return [found, { type: 'rejected', ...REJECTED, retry: pendingProbe(context), final: false }]
    return [{ ...found, usable: false }]
  }
  if (record.failure !== null && record.generation === fingerprint && refreshSource !== null) {
    const { reason, message, attempt, nextAttemptAt, ambiguous } = record.failure
    // A clock that was set back must not make a pause longer than any pause is.
    const delayMs = Math.min(Math.max(0, nextAttemptAt - clock.now()), MAX_RETRY_AFTER_MS)
    const retry = context.retryIn(delayMs, ambiguous && usable ? 'read-again' : 'refresh', attempt)
    return [found, { type: 'refresh-failed', reason, message, usable, retry }]
  }
  if (record.begun === fingerprint && usable && refreshSource !== null) {
    // Its answer was lost with the process that asked: the token may be spent already.
    const retry = context.retryIn(0, 'read-again', 1)
    const trouble = { reason: 'network', message: 'the last refresh was interrupted' } as const
    memory.update({ failure: { ...trouble, attempt: 1, nextAttemptAt: retry.at, ambiguous: true } })
    return [found, { type: 'refresh-failed', ...trouble, usable, retry }]
  }
  return [found]
}
