import type { Clock } from '../../support/clock.ts'
import type { Credential, Rejection } from '../credential.ts'
import type { KeeperContext } from './keeper-context.ts'
import { isUsable, REJECTED } from './keeper-state.ts'
import { nextProbe } from './prober.ts'
import { hasEnded, mayRefreshAfterRejection, remember, type ForbiddenUse } from './record.ts'
import { MAX_WAIT_MS, refreshDelay } from './refresh-policy.ts'
import type { Refresher } from './refresher.ts'
import type { SourceWatcher } from './source-watcher.ts'
import { warnRejectedAgain } from './warnings.ts'

/** What follows when the provider rejects, forbids or accepts a credential. */
export class RejectionHandler {
  #proven: Credential | null = null
  readonly #context: KeeperContext
  readonly #sources: SourceWatcher
  readonly #refresher: Refresher
  #recovery: Promise<void> | null = null
  #waiting: { readonly for: Promise<void>; readonly done: Promise<void> } | null = null

  constructor(context: KeeperContext, sources: SourceWatcher, refresher: Refresher) {
    this.#context = context
    this.#sources = sources
    this.#refresher = refresher
  }

  /** The credential that is known to be accepted; null = none is. */
  get proven(): Credential | null {
    return this.#proven
  }

  get isRecovering(): boolean {
    return this.#recovery !== null
  }

  /** The recovery or refresh that is running, waited for no longer than a request may; null = none is. */
  get running(): Promise<void> | null {
    const running = this.#recovery ?? this.#refresher.flight
    if (running === null) return null
    // A thousand requests share one wait and one timer.
    if (this.#waiting?.for !== running) this.#waiting = { for: running, done: this.#endOf(running) }
    return this.#waiting.done
  }

  /** Does what a rejection of `used` calls for. Resolves when that is done, or a request has waited long enough. */
  async handle(used: Credential, rejection: Rejection): Promise<void> {
    const context = this.#context
    const { fingerprint } = used
    context.emit({ type: 'rejection', at: context.clock.now(), fingerprint, rejection })
    if (used.source === 'fallback-api-key') {
      if (rejection.kind === 'rejected') this.#markRejected(fingerprint)
      context.fallback = null
      context.emitState()
    } else if (!context.isActive(fingerprint)) {
      // An answer to a generation that was replaced since then says nothing about this one.
      if (rejection.kind === 'rejected') this.#markRejected(fingerprint)
      await this.running
    } else if (rejection.kind === 'rejected') {
      await this.#recoverOnce(used)
    } else {
      this.#forbid(rejection)
    }
  }

  /** Steps 2 and 3 of the ladder, once for everybody whose request failed with this generation. */
  async #recoverOnce({ fingerprint }: Credential): Promise<void> {
    const context = this.#context
    const { record } = context.memory
    if (record.rejected.includes(fingerprint)) return void (await this.running)
    this.#markRejected(fingerprint)
    context.memory.update({ consecutive401: record.consecutive401 + 1 })
    this.#recovery = this.#recover(fingerprint).finally(() => {
      this.#recovery = null
      context.changed()
    })
    await this.running
    warnRejectedAgain(context)
  }

  async #recover(fingerprint: string): Promise<void> {
    const context = this.#context
    if (this.#sources.returnToFormer(fingerprint)) return
    await this.#sources.reload()
    if (this.#refresher.flight && context.isActive(fingerprint)) {
      await this.#refresher.flight
      // Begun for the generation before, it says nothing about this one.
      if (!isUsable(context.state)) return
    }
    const { active, token, retry, memory } = context
    if (active === null || token === null || !context.isActive(fingerprint)) return
    const { record } = memory
    if (active.refreshSource === null) {
      context.dispatch({ type: 'rejected', ...REJECTED, retry: nextProbe(context), final: true })
    } else if (hasEnded(record, fingerprint)) {
      context.dispatch({ type: 'sign-in-ended', ...record.ended, usable: false })
    } else if (retry !== null && record.failure !== null && !context.isDue(retry)) {
      // What was only read again while the token lived may be sent now, on the next step.
      const next = { ...retry, means: 'refresh' } as const
      context.dispatch({ type: 'refresh-failed', ...record.failure, usable: false, retry: next })
    } else if (!context.running) {
      context.dispatch({
        type: 'rejected',
        ...REJECTED,
        retry: context.retryIn(0, 'refresh', 0),
        final: false,
      })
    } else if (mayRefreshAfterRejection(record, token)) {
      await this.#refresher.start(true)
    } else {
      // A command may give something else later, and asking it spends nothing.
      const asksAgain = active.kind === 'command'
      const later = asksAgain
        ? context.retryIn(refreshDelay(1, null, context.random()), 'refresh', 1)
        : nextProbe(context)
      context.dispatch({ type: 'rejected', ...REJECTED, retry: later, final: false })
    }
  }

  /** A new sign-in in the meantime ends the wait, however long the refresh of the previous one hangs. */
  async #endOf(running: Promise<void>): Promise<void> {
    const context = this.#context
    const before = context.active?.fingerprint
    const { promise: replaced, resolve } = Promise.withResolvers<void>()
    using _watch = context.subscribe(() => {
      if (context.current() !== null && context.active?.fingerprint !== before) resolve()
    })
    await within(context.clock, Promise.race([running, replaced]), MAX_WAIT_MS)
  }

  /** The sign-in works and may not be used so: no refresh changes that. */
  #forbid(rejection: Exclude<Rejection, { kind: 'rejected' }>): void {
    const context = this.#context
    const { state, active, memory } = context
    // Requests that failed together are one refusal.
    if (active === null || !isUsable(state)) return
    const byScope = rejection.kind === 'scope'
    const trouble: Omit<ForbiddenUse, 'fingerprint'> = {
      reason: byScope ? 'scope' : rejection.reason,
      message: byScope
        ? 'the sign-in lacks a scope that the request needs'
        : 'the provider does not permit this use of the account',
      byScope,
    }
    this.#proven = null
    if (this.#sources.returnToFormer(active.fingerprint)) return
    memory.update({ forbidden: { fingerprint: active.fingerprint, ...trouble } })
    context.dispatch({ type: 'forbidden', ...trouble, retry: byScope ? null : nextProbe(context) })
  }

  /** From here on no request leaves with this token, and no source may bring it back. */
  #markRejected(fingerprint: string): void {
    this.#proven = null
    const { memory } = this.#context
    memory.update({ rejected: remember(memory.record.rejected, fingerprint) })
    this.#context.updateReady()
  }

  /** `used` was accepted. */
  prove(used: Credential): void {
    const { memory } = this.#context
    const { rejected, forbidden } = memory.record
    // A long answer may end after its token was rejected elsewhere: that proves nothing about now.
    if (!this.#context.isActive(used.fingerprint)) return
    if (rejected.includes(used.fingerprint) || forbidden?.fingerprint === used.fingerprint) return
    this.#proven = used
    this.#sources.forgetFormer()
    memory.update({
      accepted: used.fingerprint,
      consecutive401: 0,
      refreshedAfterRejection: null,
      probe: null,
    })
  }
}

/** Resolves when `promise` does, or after `limitMs`. */
export async function within(clock: Clock, promise: Promise<void>, limitMs: number): Promise<void> {
  const { promise: limit, resolve } = Promise.withResolvers<void>()
  const timer = clock.setTimer(resolve, limitMs)
  await Promise.race([promise, limit])
  timer.cancel()
}
