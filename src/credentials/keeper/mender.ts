import type { Clock } from '../../support/clock.ts'
import type { Credential, Rejection } from '../credential.ts'
import type { KeeperCore } from './keeper-core.ts'
import { isUsable, retryOf } from './keeper-state.ts'
import type { Prober } from './prober.ts'
import { mayRefreshAfterRejection } from './record-rules.ts'
import { remember } from './record.ts'
import { MAX_WAIT_MS, refreshDelay } from './refresh-policy.ts'
import type { Refresher } from './refresher.ts'
import type { Rereader } from './rereader.ts'
import type { Warnings } from './warnings.ts'

/** What follows when the provider rejects, forbids or accepts the credential in hand. */
export class Mender {
  readonly #core: KeeperCore
  readonly #rereader: Rereader
  readonly #refresher: Refresher
  readonly #prober: Prober
  readonly #warnings: Warnings
  #climbing: Promise<void> | null = null
  #waiting: { readonly for: Promise<void>; readonly done: Promise<void> } | null = null
  #proven: Credential | null = null

  constructor(
    core: KeeperCore,
    rereader: Rereader,
    refresher: Refresher,
    prober: Prober,
    warnings: Warnings,
  ) {
    this.#core = core
    this.#rereader = rereader
    this.#refresher = refresher
    this.#prober = prober
    this.#warnings = warnings
  }

  get isClimbing(): boolean {
    return this.#climbing !== null
  }

  /** Called for each request, so it costs one comparison once a generation is known to be good. */
  accepted(used: Credential): void {
    if (used !== this.#proven) this.#prove(used)
  }

  /** What mends the credential at the moment, waited for no longer than a request may; null = nothing does. */
  get open(): Promise<void> | null {
    const open = this.#climbing ?? this.#refresher.flight
    if (open === null) return null
    // A thousand requests share one wait and one timer.
    if (this.#waiting?.for !== open) this.#waiting = { for: open, done: this.#untilMended(open) }
    return this.#waiting.done
  }

  /** Whoever signs in meanwhile ends the wait, however long the refresh of the former sign-in hangs. */
  async #untilMended(open: Promise<void>): Promise<void> {
    const core = this.#core
    const before = core.held?.credential.fingerprint
    const { promise: replaced, resolve } = Promise.withResolvers<void>()
    using _watch = core.subscribe(() => {
      if (core.current() !== null && core.held?.credential.fingerprint !== before) resolve()
    })
    await within(core.clock, Promise.race([open, replaced]), MAX_WAIT_MS)
  }

  /** Steps 2 and 3 of the ladder, once for everybody whose request failed with this generation. */
  async climb(used: Credential): Promise<void> {
    const known = this.#core.book.record.rejected.includes(used.fingerprint)
    if (!known) {
      const { record } = this.#core.book
      this.markRejected(used.fingerprint)
      this.#core.book.update({ consecutive401: record.consecutive401 + 1 })
      this.#climbing = this.#mend(used).finally(() => {
        this.#climbing = null
        this.#core.onChange()
      })
    }
    await this.open
    if (!known) this.#warnings.rejectedAgain(this.#core.book.record.consecutive401)
  }

  async #mend(used: Credential): Promise<void> {
    const core = this.#core
    await this.#rereader.reread()
    const isInHand = () => core.held?.credential.fingerprint === used.fingerprint
    if (this.#refresher.flight && isInHand()) {
      await this.#refresher.flight
      // Begun for the generation before, it says nothing about this one.
      if (!isUsable(core.state)) return
    }
    const { held, token, book } = core
    if (held === null || token === null || !isInHand()) return
    const { record } = book
    const retry = retryOf(core.state)
    const trouble = { reason: 'revoked', message: 'the provider rejects the credential' } as const
    if (held.renewal === null) {
      core.dispatch({ type: 'rejected', ...trouble, retry: this.#prober.nextTime(), final: true })
    } else if (record.ended?.fingerprint === used.fingerprint) {
      core.dispatch({ type: 'sign-in-ended', ...record.ended, usable: false })
    } else if (retry !== null && record.failure !== null && !core.isDue(retry)) {
      // What was only read again while the token lived may be sent now, on the next step.
      core.dispatch({
        type: 'refresh-failed',
        ...record.failure,
        usable: false,
        retry: { ...retry, means: 'refresh' },
      })
    } else if (!core.running) {
      core.dispatch({ type: 'rejected', ...trouble, retry: core.retry('refresh', 0, 0), final: false })
    } else if (mayRefreshAfterRejection(record, token)) {
      await this.#refresher.start(true)
    } else if (held.renewal.generation.refreshToken === null) {
      // A command or a profile may give something else later, and asking it spends nothing.
      const later = core.retry('refresh', 1, refreshDelay(1, null, core.random()))
      core.dispatch({ type: 'rejected', ...trouble, retry: later, final: false })
    } else {
      core.dispatch({ type: 'rejected', ...trouble, retry: this.#prober.nextTime(), final: false })
    }
  }

  /** The sign-in works and may not be used so: no refresh changes that. */
  forbid(rejection: Exclude<Rejection, { kind: 'rejected' }>): void {
    const core = this.#core
    const { state } = core
    // Requests that failed together are one refusal.
    if (state.name === 'not-permitted' || !isUsable(state)) return
    const byScope = rejection.kind === 'scope'
    const reason = byScope ? 'scope' : rejection.reason
    const message = byScope
      ? 'the sign-in lacks a scope that the request needs'
      : 'the provider does not permit this use of the account'
    core.book.update({
      forbidden: { fingerprint: core.held!.credential.fingerprint, reason, message, byScope },
    })
    this.#proven = null
    const retry = byScope ? null : this.#prober.nextTime()
    core.dispatch({ type: 'forbidden', reason, message, byScope, retry })
  }

  /** From here on no request leaves with this token, and no source may bring it back. */
  markRejected(fingerprint: string): void {
    this.#proven = null
    const { book } = this.#core
    book.update({ rejected: remember(book.record.rejected, fingerprint) })
    this.#core.settle()
  }

  #prove(used: Credential): void {
    const { book, held } = this.#core
    const { record } = book
    // A long answer may end after its token was rejected elsewhere: that proves nothing about now.
    if (used.fingerprint !== held?.credential.fingerprint) return
    if (record.rejected.includes(used.fingerprint) || record.forbidden?.fingerprint === used.fingerprint)
      return
    this.#proven = used
    book.update({ accepted: used.fingerprint, consecutive401: 0, refreshedAfterRejection: null, probe: null })
  }
}

/** Resolves when `promise` does, or after `limitMs`. */
export async function within(clock: Clock, promise: Promise<void>, limitMs: number): Promise<void> {
  const { promise: limit, resolve } = Promise.withResolvers<void>()
  const timer = clock.setTimer(resolve, limitMs)
  await Promise.race([promise, limit])
  timer.cancel()
}
