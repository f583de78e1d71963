import { SECOND, type Clock, type Timer } from '../../support/clock.ts'
import type { Log } from '../../support/log.ts'
import type { Credential, CredentialDoor, Rejection } from '../credential.ts'
import type { Decision } from '../sources/decision.ts'
import type { Resolver } from '../sources/resolver.ts'
import { KeeperCore } from './keeper-core.ts'
import { isUsable, retryOf } from './keeper-state.ts'
import { MemoryBook } from './memory-book.ts'
import { Mender, within } from './mender.ts'
import type { KeeperNotice } from './notices.ts'
import { Prober, type Probe } from './prober.ts'
import type { KeeperMemory } from './record.ts'
import { HEARTBEAT_MS, refreshDelay } from './refresh-policy.ts'
import { Refresher } from './refresher.ts'
import { Rereader } from './rereader.ts'
import type { AuthStatus } from './status.ts'
import { Warnings } from './warnings.ts'

export interface KeeperOptions {
  readonly resolver: Resolver
  readonly memory: KeeperMemory
  readonly clock: Clock
  readonly log?: Log
  /** A number in [0, 1); `Math.random` outside tests. */
  readonly random?: () => number
  /** null: nothing is asked, and only a new sign-in ends a state that nothing here can mend. */
  readonly probe: Probe | null
}

/** A refresh that is open at SIGTERM has its own 30 s, and then its result must be saved. */
const STOP_LIMIT_MS = 35 * SECOND

/** A moment that is due at once still waits for its turn of the event loop. */
const SHORTEST_TIMER_MS = 10

/**
 * Keeps one credential alive: hands it out, refreshes it in time and once for everybody,
 * climbs the ladder when it is rejected, and remembers failures so that traffic never
 * causes a second try.
 */
export class Keeper implements CredentialDoor {
  readonly #core: KeeperCore
  readonly #resolver: Resolver
  readonly #rereader: Rereader
  readonly #refresher: Refresher
  readonly #prober: Prober
  readonly #warnings: Warnings
  readonly #mender: Mender
  #timer: Timer | null = null
  #watch: Disposable | null = null
  #ticking = false

  constructor(options: KeeperOptions) {
    const { clock, random = Math.random, log } = options
    this.#resolver = options.resolver
    const book = new MemoryBook(options.memory, (message) =>
      log?.warn({ message }, 'what the keeper remembers cannot be saved'),
    )
    this.#core = new KeeperCore(clock, random, book, options.probe !== null, (error) =>
      log?.error({ error }, 'a listener of the keeper failed'),
    )
    this.#warnings = new Warnings(this.#core)
    this.#rereader = new Rereader(this.#core, options.resolver)
    this.#refresher = new Refresher(this.#core, this.#rereader, this.#warnings)
    this.#prober = new Prober(this.#core, this.#warnings, options.probe)
    this.#mender = new Mender(this.#core, this.#rereader, this.#refresher, this.#prober, this.#warnings)
    this.#core.onChange = () => this.#setTimer(false)
    this.#core.onStandIn = () => this.#warnings.standIn()
    this.#rereader.onAdopted = () => {
      if (this.#core.running) this.#warnings.unrenewable()
    }
  }

  /** Reads memory and sources, and makes no request: enough for `snapshot`. */
  async load(): Promise<void> {
    await this.#core.book.load()
    await this.#rereader.reread()
  }

  /** Loads, begins to keep the credential alive, and tells the state it starts in. */
  async start(): Promise<void> {
    await this.load()
    this.#core.book.open()
    this.#core.running = true
    this.#watch = this.#resolver.watch(() => void this.#rereadChange())
    this.#tick()
    this.#core.tellState()
    this.#warnings.unrenewable()
  }

  /** No new refresh from here on. Resolves when an open one is finished and saved, after 35 s at most. */
  async stop(): Promise<void> {
    this.#core.running = false
    this.#timer?.cancel()
    this.#watch?.[Symbol.dispose]()
    this.#refresher.stopWaiting()
    if (this.#refresher.flight) await within(this.#core.clock, this.#refresher.flight, STOP_LIMIT_MS)
    await this.#refresher.saveUnsaved()
    await this.#core.book.flush()
  }

  subscribe(listener: (notice: KeeperNotice) => void): Disposable {
    return this.#core.subscribe(listener)
  }

  snapshot(): AuthStatus {
    return this.#core.status()
  }

  /** When the token in hand will be refreshed ahead of time, epoch milliseconds; null = that is not planned. */
  get plannedRefreshAt(): number | null {
    const { token, state, clock } = this.#core
    if (token === null || token.held.renewal === null || state.name !== 'healthy') return null
    const wait = token.left() - token.windows.refreshWhenLeft
    return Number.isFinite(wait) ? clock.now() + Math.max(0, wait) : null
  }

  /** A sentence about the state, for people; null when all is well. */
  get message(): string | null {
    return this.#core.message
  }

  /** The newest decision about the sources. */
  get decision(): Decision | null {
    return this.#rereader.decision
  }

  acquire(): Credential | Promise<Credential> {
    return this.#core.ready() ?? this.#acquireSlowly()
  }

  /** @param serverNow what the answer's `Date` says, epoch milliseconds */
  accepted(used: Credential, serverNow?: number): void {
    if (serverNow !== undefined) this.noticeServerTime(serverNow)
    this.#mender.accepted(used)
  }

  /** A server's clock, as its answer's `Date` shows it: our own may be wrong. */
  noticeServerTime(serverNow: number): void {
    if (this.#core.token?.noticeServerTime(serverNow)) this.#tick()
  }

  /**
   * One refresh now because a person asked for it, whatever is due.
   *
   * @returns how it ended, as in `lastRefresh`; null when nothing here can refresh the credential
   */
  async refreshNow(): Promise<string | null> {
    const core = this.#core
    if (!core.held?.renewal) return null
    core.book.open()
    await (this.#refresher.flight ?? this.#refresher.start(false))
    await core.book.flush()
    return core.book.record.lastRefresh?.outcome ?? null
  }

  /** No refresh of the credential in hand will ever work again: a person must sign in. */
  get isEnded(): boolean {
    const { book, held } = this.#core
    return held !== null && book.record.ended?.fingerprint === held.credential.fingerprint
  }

  /** Epoch milliseconds until which the token endpoint asked for patience; null = it did not. */
  get askedToWaitUntil(): number | null {
    const { failure } = this.#core.book.record
    return failure?.reason === 'rate-limited' ? failure.nextAttemptAt : null
  }

  async rejected(used: Credential, rejection: Rejection): Promise<Credential> {
    const core = this.#core
    const { fingerprint } = used
    core.tell({ type: 'rejection', at: core.clock.now(), fingerprint, rejection })
    if (used.source === 'fallback-api-key') {
      if (rejection.kind === 'rejected') this.#mender.markRejected(fingerprint)
      core.fallback = null
      core.tellState()
    } else if (fingerprint !== core.held?.credential.fingerprint) {
      // An answer to a generation that was replaced meanwhile says nothing about this one.
      if (rejection.kind === 'rejected') this.#mender.markRejected(fingerprint)
      await this.#mender.open
    } else if (rejection.kind !== 'rejected') {
      this.#mender.forbid(rejection)
    } else {
      await this.#mender.climb(used)
    }
    return core.currentOrStandIn()
  }

  #acquireSlowly(): Credential | Promise<Credential> {
    const core = this.#core
    const refresher = this.#refresher
    const current = core.current()
    if (current) {
      if (!core.isWaitTime || core.held?.renewal === null) return current
      // Near the end whoever comes starts the refresh; in a pause the token is used while it lives.
      if (refresher.isAllowed && !core.isPausing) void refresher.start(false)
      if (refresher.flight === null || core.isPausing) return current
    } else if (!this.#mender.isClimbing && refresher.isAllowed) {
      void refresher.start(false)
    }
    const { open } = this.#mender
    return open === null ? core.currentOrStandIn() : open.then(() => core.currentOrStandIn())
  }

  async #rereadChange(): Promise<void> {
    await this.#rereader.reread()
    this.#tick()
  }

  /** Does whatever is due, and sets the timer for the next thing. */
  #tick(): void {
    const core = this.#core
    if (!core.running || this.#ticking) return
    this.#ticking = true
    const pending = retryOf(core.state)
    const wasDue = pending === null ? this.#isRefreshTime() : core.isDue(pending)
    try {
      const { token } = core
      if (token !== null) {
        if (
          token.isOver &&
          isUsable(core.state) &&
          this.#refresher.flight === null &&
          !this.#refresher.isAllowed
        ) {
          core.dispatch({ type: 'expired', retryNow: core.retry('refresh', 0, 0) })
        }
        const retry = retryOf(core.state)
        if (
          !this.#mender.isClimbing &&
          this.#refresher.isAllowed &&
          (retry !== null || this.#isRefreshTime())
        ) {
          void this.#refresher.start(false)
        } else if (retry !== null && core.isDue(retry)) {
          this.#retry(retry.means)
        }
        this.#warnings.loginEnding()
      }
      core.settle()
    } finally {
      this.#ticking = false
    }
    this.#setTimer(wasDue)
  }

  #isRefreshTime(): boolean {
    const token = this.#core.token
    return token !== null && token.left() <= token.windows.refreshWhenLeft
  }

  #retry(means: 'refresh' | 'read-again' | 'probe' | 'save'): void {
    if (means === 'probe') void this.#prober.ask()
    if (means === 'save') void this.#refresher.saveUnsaved()
    // Also where a token that counted as over lives again, because the clock was set right.
    if (means === 'read-again' || (means === 'refresh' && this.#refresher.mustNotSend)) void this.#readAgain()
  }

  /** The last request may have rotated the token: while the old one lives only the store is looked at. */
  async #readAgain(): Promise<void> {
    const core = this.#core
    const retry = retryOf(core.state)
    const { failure } = core.book.record
    if (retry === null || failure === null) return
    const attempt = retry.attempt + 1
    const next = core.retry('read-again', attempt, refreshDelay(attempt, null, core.random()))
    core.dispatch({ type: 'refresh-failed', ...failure, usable: true, retry: next })
    await this.#rereader.reread()
  }

  /** @param done what is due now was done, or waits for something that will set the timer anew */
  #setTimer(done: boolean): void {
    const core = this.#core
    if (!core.running || this.#ticking) return
    this.#timer?.cancel()
    const delay = Math.max(SHORTEST_TIMER_MS, Math.min(HEARTBEAT_MS, this.#nextMoment(done)))
    this.#timer = core.clock.setTimer(() => this.#tick(), delay)
  }

  /** Milliseconds to the nearest moment at which something may be due. */
  #nextMoment(done: boolean): number {
    const { token, state, clock } = this.#core
    if (token === null) return Infinity
    const left = token.left()
    const moments: number[] = []
    // A timer may fire a moment too early, and a change may come between the moment and its timer:
    // what is overdue and was not done must not wait for the heartbeat.
    const soonest = done ? -Infinity : SHORTEST_TIMER_MS
    if (isUsable(state)) moments.push(left)
    const retry = retryOf(state)
    if (retry) {
      const wait = Math.min(retry.monotonicAt - clock.monotonic(), retry.at - clock.now())
      moments.push(Math.max(wait, soonest))
    } else if (token.held.renewal && this.#refresher.flight === null && state.name === 'healthy') {
      moments.push(Math.max(left - token.windows.refreshWhenLeft, soonest))
    }
    if (left > token.windows.waitWhenLeft) moments.push(left - token.windows.waitWhenLeft)
    return Math.min(...moments.filter((moment) => moment > 0), HEARTBEAT_MS)
  }
}
