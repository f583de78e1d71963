import type { ProbeResult } from '../credential.ts'
import type { KeeperContext } from './keeper-context.ts'
import type { Retry } from './keeper-state.ts'
import { forget } from './record.ts'
import { MAX_RETRY_AFTER_MS, probeDelay } from './refresh-policy.ts'
import { warnRejectedAgain } from './warnings.ts'

/** The next time to ask whether the provider accepts the credential again. The pauses grow until it accepts a real request. */
export function nextProbe(context: KeeperContext): Retry {
  const { memory, random } = context
  const attempt = (memory.record.probe?.attempt ?? 0) + 1
  const retry = context.retryIn(probeDelay(attempt, random()), 'probe', attempt)
  memory.update({ probe: { attempt, at: retry.at } })
  return retry
}

/** The same as an earlier process, or another one, has planned it. */
export function pendingProbe(context: KeeperContext): Retry {
  const { probe } = context.memory.record
  const delayMs = Math.min(Math.max(0, (probe?.at ?? 0) - context.clock.now()), MAX_RETRY_AFTER_MS)
  return context.retryIn(delayMs, 'probe', probe?.attempt ?? 0)
}

/** Asks the provider, ever more rarely, whether it accepts again what nothing here can change. */
export class Prober {
  readonly #context: KeeperContext
  #asking = false

  constructor(context: KeeperContext) {
    this.#context = context
  }

  /** Asks once, where the state waits for it. */
  async ask(): Promise<void> {
    const context = this.#context
    const { active, memory } = context
    if (this.#asking || active === null || context.retry?.means !== 'probe') return
    this.#asking = true
    // Counted before it leaves: a restart in between must not make it ask twice as often.
    context.dispatch({ type: 'probe-failed', retry: nextProbe(context) })
    let result: ProbeResult
    try {
      result = await context.probe(active).catch(() => ({ kind: 'unknown' }) as const)
    } finally {
      this.#asking = false
    }
    if (!context.isActive(active.fingerprint) || !context.running || context.retry?.means !== 'probe') return
    context.emit({ type: 'probe', at: context.clock.now(), accepted: result.kind === 'accepted' })
    if (result.kind === 'accepted') {
      memory.update({ forbidden: null, rejected: forget(memory.record.rejected, active.fingerprint) })
      context.dispatch({ type: 'accepted' })
    } else if (result.kind === 'rejected' && result.rejection.kind === 'rejected') {
      memory.update({ consecutive401: memory.record.consecutive401 + 1 })
      warnRejectedAgain(context)
    }
  }
}
