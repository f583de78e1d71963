import type { CredentialReason } from '../../support/errors.ts'
import { withGeneration, type Held, type Renewal } from '../held.ts'
import type { RefreshOutcome } from '../sign-in.ts'
import type { KeeperCore } from './keeper-core.ts'
import { isUsable, retryOf, type KeeperEvent } from './keeper-state.ts'
import { refreshOnce } from './refresh-flight.ts'
import { refreshDelay } from './refresh-policy.ts'
import type { Rereader } from './rereader.ts'
import type { TokenInHand } from './token-in-hand.ts'
import type { Warnings } from './warnings.ts'

type Settled = Exclude<RefreshOutcome, { kind: 'busy' }>

/** Refreshes the credential in hand: one flight at a time, and what its outcome means. */
export class Refresher {
  readonly #core: KeeperCore
  readonly #rereader: Rereader
  readonly #warnings: Warnings
  #flight: { readonly done: Promise<void>; readonly controller: AbortController } | null = null

  constructor(core: KeeperCore, rereader: Rereader, warnings: Warnings) {
    this.#core = core
    this.#rereader = rereader
    this.#warnings = warnings
  }

  /** The refresh that is running; resolves when its outcome is settled, and never rejects. */
  get flight(): Promise<void> | null {
    return this.#flight?.done ?? null
  }

  /** May a refresh begin now? Not while one runs, nor in a pause, nor where it cannot help. */
  get isAllowed(): boolean {
    const { state, held, running } = this.#core
    if (!running || this.#flight !== null || held === null || held.renewal === null) return false
    const retry = retryOf(state)
    if (retry === null) return state.name === 'healthy'
    if (retry.means === 'refresh') return this.#core.isDue(retry) && !this.mustNotSend
    // Asking with a token that is over proves nothing: only then another one is fetched.
    return retry.means === 'probe' && this.#core.token!.isOver
  }

  /** The last request may have rotated the token, and a replay could end the access token that still lives. */
  get mustNotSend(): boolean {
    return this.#core.book.record.failure?.ambiguous === true && this.#isAlive()
  }

  /** Begins a refresh; call it only where it is allowed, or where the ladder has decided. */
  start(causedByRejection: boolean): Promise<void> {
    const { held, token } = this.#core
    const renewal = held?.renewal
    if (!held || !renewal || !token) return Promise.resolve()
    const controller = new AbortController()
    // Set before the event: whoever hears of it finds the flight.
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#flight = { done: promise, controller }
    const usable = this.#core.current() !== null
    this.#core.book.update({ begun: held.credential.fingerprint })
    this.#core.dispatch({ type: 'refresh-started', usable })
    void this.#run(held, renewal, causedByRejection, controller.signal).finally(() => {
      this.#flight = null
      this.#core.onChange()
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
    const core = this.#core
    const retry = retryOf(core.state)
    const renewal = core.held?.renewal
    const { state } = core
    if (retry?.means !== 'save' || !renewal || !('message' in state)) return
    const attempt = retry.attempt + 1
    const next = core.retry('save', attempt, refreshDelay(attempt, null, core.random()))
    const { reason, message } = state
    core.dispatch({ type: 'refresh-failed', reason, message, retry: next, usable: isUsable(state) })
    const saved = await renewal.signIn.saveUnsaved().catch(() => false)
    if (saved) core.dispatch({ type: 'saved', retryNow: core.retry('refresh', 0, 0) })
  }

  async #run(held: Held, renewal: Renewal, causedByRejection: boolean, signal: AbortSignal): Promise<void> {
    const core = this.#core
    if (causedByRejection) {
      core.book.update({ refreshedAfterRejection: held.credential.fingerprint })
      // Whoever finds the next generation must find this beside it, and so must the next process.
      await core.book.flush()
    }
    const outcome = await refreshOnce(renewal, core.clock, signal, { mayRepeat: !this.#isAlive() })
    const at = core.clock.now()
    const name = outcomeName(outcome)
    const message = 'message' in outcome ? outcome.message : null
    core.book.update({ begun: null, lastRefresh: { at, outcome: name } })
    core.tell({ type: 'refresh', at, outcome: name, message })
    const inHand = core.held?.credential.fingerprint
    const issued = 'generation' in outcome ? outcome.generation.accessToken.fingerprint : null
    // The watch may have brought the new generation before the refresh could report it.
    if (inHand !== held.credential.fingerprint && inHand !== issued) {
      // A person signed in or out meanwhile: the late result belongs to nobody.
      await this.#rereader.reread()
      return
    }
    await this.#settle(held, outcome)
  }

  async #settle(held: Held, outcome: Settled): Promise<void> {
    const core = this.#core
    switch (outcome.kind) {
      case 'renewed':
      case 'adopted': {
        const next = withGeneration(held, outcome.generation)
        const { fingerprint } = next.credential
        if (core.book.record.superseded.includes(fingerprint)) {
          return this.#fail('store', 'the store holds an older generation than the one in use', null, false)
        }
        if (outcome.kind === 'renewed') core.book.update({ renewed: fingerprint })
        core.book.update({ failure: null })
        // It may be rejected already: another process had it first, or the watch brought it sooner.
        this.#takeRenewed(next, outcome.kind === 'adopted', (token) => this.#rereader.eventsFor(next, token))
        return
      }
      case 'unsaved': {
        const next = withGeneration(held, outcome.generation)
        core.book.update({ renewed: next.credential.fingerprint })
        const retry = core.retry('save', 1, refreshDelay(1, null, core.random()))
        const { message } = outcome
        this.#takeRenewed(next, false, () => [
          { type: 'unsaved', held: next, reason: 'store', message, retry },
        ])
        this.#warnings.unsaved(message)
        return
      }
      case 'superseded':
        return this.#rereader.reread().then(() => this.#unstick())
      case 'terminal': {
        const { reason, message } = outcome
        const { fingerprint } = held.credential
        core.book.update({ ended: { fingerprint, reason, message }, failure: null })
        core.dispatch({ type: 'sign-in-ended', reason, message, usable: this.#isAlive() })
        // A sibling may have refreshed or signed in while the answer was on its way.
        await this.#rereader.reread()
        if (core.held?.credential.fingerprint === fingerprint) {
          this.#warnings.signInEnded(reason, core.current() !== null)
        }
        return
      }
      case 'store':
        return this.#fail('store', outcome.message, null, false)
      case 'transient':
        return this.#fail(outcome.reason, outcome.message, outcome.retryAfterMs, outcome.ambiguous)
    }
  }

  #takeRenewed(next: Held, fromStore: boolean, events: (token: TokenInHand) => readonly KeeperEvent[]): void {
    const core = this.#core
    const { state } = core
    if (state.name !== 'not-permitted') return core.take(next, fromStore, events)
    // Another token of the same account is as little permitted: the state outlives the generation.
    const { reason, message, retry } = state
    const { fingerprint } = next.credential
    core.book.update({ forbidden: { fingerprint, reason, message, byScope: false } })
    core.take(next, fromStore, (token) => [
      ...events(token),
      { type: 'forbidden', reason, message, retry, byScope: false },
    ])
  }

  #fail(reason: CredentialReason, message: string, retryAfterMs: number | null, ambiguous: boolean): void {
    const core = this.#core
    const attempt = (core.book.record.failure?.attempt ?? 0) + 1
    const delayMs = refreshDelay(attempt, retryAfterMs, core.random())
    const usable = this.#isAlive()
    const retry = core.retry(ambiguous && usable ? 'read-again' : 'refresh', attempt, delayMs)
    core.book.update({
      generation: core.held?.credential.fingerprint ?? null,
      failure: { reason, message, attempt, nextAttemptAt: retry.at, ambiguous },
    })
    core.dispatch({ type: 'refresh-failed', reason, message, usable, retry })
  }

  /** The store said that the sign-in was replaced, and still shows the same one: look again later. */
  #unstick(): void {
    if (this.#core.state.name === 'refreshing')
      this.#fail('store', 'the sign-in is being replaced', null, false)
  }

  /** Alive whatever the state says, which does not know yet how the refresh went. */
  #isAlive(): boolean {
    const { token, book } = this.#core
    return (
      token !== null && !token.isOver && !book.record.rejected.includes(token.held.credential.fingerprint)
    )
  }
}

function outcomeName(outcome: Settled): string {
  return outcome.kind === 'terminal' || outcome.kind === 'transient' ? outcome.reason : outcome.kind
}
