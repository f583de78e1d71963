import { SECOND, sleep, type Clock } from '../../support/clock.ts'
import { messageOf, StoreError, type CredentialReason } from '../../support/errors.ts'
import { refreshedCredential, type ManagedCredential, type RefreshSource } from '../credential.ts'
import { transientFailure, type RefreshOutcome, type RepeatPolicy } from '../sign-in.ts'
import type { KeeperContext } from './keeper-context.ts'
import { isUsable, type KeeperEvent, type Retry } from './keeper-state.ts'
import { MAX_WAIT_MS, refreshDelay } from './refresh-policy.ts'
import { eventsOfAdoption, type SourceWatcher } from './source-watcher.ts'
import type { TokenClock } from './token-clock.ts'
import { warnSignInEnded, warnUnsaved } from './warnings.ts'

/** How long to wait before looking again at a sign-in that another process refreshes. */
const BUSY_PAUSE_MS = SECOND / 2

type Outcome = Exclude<RefreshOutcome, { kind: 'busy' }>

/** Refreshes the active credential: one flight at a time, and what its outcome means. */
export class Refresher {
  readonly #context: KeeperContext
  readonly #sources: SourceWatcher
  #flight: { readonly done: Promise<void>; readonly controller: AbortController } | null = null

  constructor(context: KeeperContext, sources: SourceWatcher) {
    this.#context = context
    this.#sources = sources
  }

  /** The refresh that is running; resolves when its outcome is applied, and never rejects. */
  get flight(): Promise<void> | null {
    return this.#flight?.done ?? null
  }

  /** May a refresh begin now? Not while one runs, nor in a pause, nor where it cannot help or could do harm. */
  get isAllowed(): boolean {
    const { state, token, running, retry } = this.#context
    if (!running || this.#flight !== null || !token?.credential.refreshSource || this.mustNotSend)
      return false
    if (this.#context.refreshFloorMs > 0) return false
    if (retry === null) return state.name === 'healthy'
    if (retry.means === 'refresh') return this.#context.isDue(retry)
    // Asking with a token that has expired proves nothing: only then another one is fetched.
    return retry.means === 'probe' && token.isOver
  }

  /** The last request may have rotated the token, and a replay could end the access token that still lives. */
  get mustNotSend(): boolean {
    return this.#context.memory.record.failure?.ambiguous === true && this.#context.isTokenGood
  }

  /** Begins a refresh; call it only where it is allowed, or where a rejection calls for it. */
  start(causedByRejection: boolean): Promise<void> {
    const { active, memory } = this.#context
    if (!active?.refreshSource) return Promise.resolve()
    const controller = new AbortController()
    // Set before the event: a listener that is notified of it finds the flight.
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#flight = { done: promise, controller }
    const usable = this.#context.current() !== null
    memory.update({ begun: active.fingerprint })
    this.#context.dispatch({ type: 'refresh-started', usable })
    void this.#run(active, active.refreshSource, causedByRejection, controller.signal).finally(() => {
      this.#flight = null
      this.#context.changed()
      resolve()
    })
    return promise
  }

  /** Ends the wait for another process; a request that has left is not touched. */
  stopWaiting(): void {
    this.#flight?.controller.abort()
  }

  /** Tries to store what could not be stored. */
  async saveUnsaved(): Promise<void> {
    const context = this.#context
    const { state, active, retry } = context
    if (retry?.means !== 'save' || !active?.refreshSource || !('message' in state)) return
    const { reason, message } = state
    const next = this.#retryAfter(retry.attempt + 1, null, 'save')
    context.dispatch({ type: 'refresh-failed', reason, message, retry: next, usable: isUsable(state) })
    const saved = await active.refreshSource.signIn.saveUnsaved().catch(() => false)
    if (saved) context.dispatch({ type: 'saved', retryNow: context.refreshSoon() })
  }

  async #run(
    spent: ManagedCredential,
    source: RefreshSource,
    causedByRejection: boolean,
    signal: AbortSignal,
  ): Promise<void> {
    const context = this.#context
    const { memory, clock } = context
    if (causedByRejection) {
      memory.update({ refreshedAfterRejection: spent.fingerprint })
      // Anybody who finds the next generation must find this with it, and so must the next process.
      await memory.flush()
    }
    const outcome = await refreshToEnd(source, clock, signal, { mayRepeat: !context.isTokenGood })
    const at = clock.now()
    const name = outcome.kind === 'terminal' || outcome.kind === 'transient' ? outcome.reason : outcome.kind
    memory.update({ begun: null, lastRefresh: { at, outcome: name } })
    context.emit({
      type: 'refresh',
      at,
      outcome: name,
      message: 'message' in outcome ? outcome.message : null,
    })
    // The watch may have brought the new generation before the refresh could report it.
    const isIssuedActive =
      'generation' in outcome && context.isActive(outcome.generation.accessToken.fingerprint)
    if (context.isActive(spent.fingerprint) || isIssuedActive) {
      await this.#apply(outcome, spent, source)
    } else {
      // A person signed in or out in the meantime: the late result belongs to nobody.
      await this.#sources.reload()
    }
  }

  async #apply(outcome: Outcome, spent: ManagedCredential, source: RefreshSource): Promise<void> {
    const context = this.#context
    const { memory } = context
    switch (outcome.kind) {
      case 'renewed':
      case 'adopted': {
        const next = refreshedCredential(spent, source, outcome.generation)
        if (memory.record.superseded.includes(next.fingerprint)) {
          return this.#fail('store', 'the store holds an older generation than the one in use')
        }
        if (outcome.kind === 'renewed') memory.update({ renewed: next.fingerprint })
        memory.update({ failure: null })
        // It may be rejected already: another process had it first, or the watch brought it sooner.
        return this.#activate(next, outcome.kind === 'adopted', (token) => eventsOfAdoption(context, token))
      }
      case 'unsaved': {
        const { message } = outcome
        const next = refreshedCredential(spent, source, outcome.generation)
        memory.update({ renewed: next.fingerprint })
        const retry = this.#retryAfter(1, null, 'save')
        this.#activate(next, false, () => [
          { type: 'unsaved', active: next, reason: 'store', message, retry },
        ])
        return warnUnsaved(context, message)
      }
      case 'superseded':
        await this.#sources.reload()
        // The store said that the sign-in was replaced, and still shows the same one: look again later.
        if (context.state.name === 'refreshing') this.#fail('store', 'the sign-in is being replaced')
        return
      case 'terminal': {
        const { reason, message } = outcome
        const { fingerprint } = spent
        memory.update({ ended: { fingerprint, reason, message }, failure: null })
        context.dispatch({ type: 'sign-in-ended', reason, message, usable: context.isTokenGood })
        // A sibling may have refreshed or signed in while the answer was on its way.
        await this.#sources.reload()
        if (context.isActive(fingerprint)) warnSignInEnded(context, reason)
        return
      }
      case 'store':
        return this.#fail('store', outcome.message)
      case 'transient':
        return this.#fail(outcome.reason, outcome.message, outcome.retryAfterMs, outcome.ambiguous)
    }
  }

  #activate(
    next: ManagedCredential,
    fromStore: boolean,
    events: (token: TokenClock) => readonly KeeperEvent[],
  ): void {
    const context = this.#context
    const { state } = context
    if (state.name !== 'not-permitted') return context.activate(next, fromStore, events)
    // Another token of the same account is as little permitted: the state outlives the generation.
    const { reason, message, retry } = state
    const forbidden = { reason, message, byScope: false }
    context.memory.update({ forbidden: { fingerprint: next.fingerprint, ...forbidden } })
    context.activate(next, fromStore, (token) => [
      ...events(token),
      { type: 'forbidden', ...forbidden, retry },
    ])
  }

  #fail(
    reason: CredentialReason,
    message: string,
    retryAfterMs: number | null = null,
    ambiguous = false,
  ): void {
    const context = this.#context
    const { active, memory } = context
    const attempt = (memory.record.failure?.attempt ?? 0) + 1
    const usable = context.isTokenGood
    const retry = this.#retryAfter(attempt, retryAfterMs, ambiguous && usable ? 'read-again' : 'refresh')
    memory.update({
      generation: active?.fingerprint ?? null,
      failure: { reason, message, attempt, nextAttemptAt: retry.at, ambiguous },
    })
    context.dispatch({ type: 'refresh-failed', reason, message, usable, retry })
  }

  #retryAfter(attempt: number, retryAfterMs: number | null, means: Retry['means']): Retry {
    const { random } = this.#context
    return this.#context.retryIn(refreshDelay(attempt, retryAfterMs, random()), means, attempt)
  }
}

/**
 * One refresh to its end: where another process is at it, its result is waited for
 * and adopted. Never rejects.
 *
 * @param signal ends every wait; never a request that has left
 */
async function refreshToEnd(
  { signIn, generation }: RefreshSource,
  clock: Clock,
  signal: AbortSignal,
  policy: RepeatPolicy,
): Promise<Outcome> {
  const deadline = clock.monotonic() + MAX_WAIT_MS
  try {
    for (;;) {
      const outcome = await signIn.refresh(generation, signal, policy)
      if (outcome.kind !== 'busy') return outcome
      if (clock.monotonic() + BUSY_PAUSE_MS >= deadline) break
      await sleep(clock, BUSY_PAUSE_MS, signal)
      const stored = await signIn.read()
      if (stored.kind === 'present' && !stored.generation.accessToken.equals(generation.accessToken)) {
        return { kind: 'adopted', generation: stored.generation }
      }
    }
    return transientFailure('store', 'another process has been renewing the sign-in for too long')
  } catch (error) {
    if (signal.aborted) return transientFailure('network', 'the gateway is stopping')
    if (error instanceof StoreError) return { kind: 'store', message: messageOf(error) }
    return transientFailure('network', messageOf(error))
  }
}
