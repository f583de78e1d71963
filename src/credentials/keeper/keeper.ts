import { SECOND, type Timer } from '../../support/clock.ts'
import { TransientError } from '../../support/errors.ts'
import type { Credential, CredentialDoor, Rejection } from '../credential.ts'
import type { Decision } from '../sources/decision.ts'
import { KeeperContext, type KeeperOptions } from './keeper-context.ts'
import { isUsable, type Retry } from './keeper-state.ts'
import { Prober } from './prober.ts'
import { hasEnded } from './record.ts'
import { HEARTBEAT_MS, refreshDelay } from './refresh-policy.ts'
import { Refresher } from './refresher.ts'
import { RejectionHandler, within } from './rejection-handler.ts'
import { SourceWatcher } from './source-watcher.ts'
import { errorOf, type AuthStatus, type KeeperNotice } from './status.ts'
import { warnFallback, warnLoginEnding, warnUnrenewable } from './warnings.ts'

/** A refresh that is open at SIGTERM has its own 30 s, and then its result must be saved. */
const STOP_LIMIT_MS = 35 * SECOND

/** A moment that is due at once still waits for its turn of the event loop. */
const SHORTEST_TIMER_MS = 10

/**
 * Keeps one credential alive: hands it out, refreshes it in time and once for everybody,
 * runs the recovery steps when it is rejected, and remembers failures so that traffic
 * never causes a second try.
 */
export class Keeper implements CredentialDoor {
  readonly #context: KeeperContext
  readonly #sources: SourceWatcher
  readonly #refresher: Refresher
  readonly #rejections: RejectionHandler
  readonly #prober: Prober
  #timer: Timer | null = null
  #watch: Disposable | null = null
  #ticking = false
  /** The sign-in for which the use of the fallback was told. */
  #fallbackToldFor: string | null = null

  constructor(options: KeeperOptions) {
    const context = new KeeperContext(options, () => this.#setTimer(false))
    this.#context = context
    this.#sources = new SourceWatcher(context)
    this.#refresher = new Refresher(context, this.#sources)
    this.#rejections = new RejectionHandler(context, this.#sources, this.#refresher)
    this.#prober = new Prober(context)
  }

  /** Reads memory and sources, and makes no request: enough for `snapshot`. */
  async load(): Promise<void> {
    await this.#context.memory.load()
    await this.#sources.reload()
  }

  /** Loads, begins to keep the credential alive, and tells the state it starts in. */
  async start(): Promise<void> {
    const context = this.#context
    await this.load()
    context.memory.open()
    context.running = true
    this.#watch = context.resolver.watch(() => void this.#sources.reload().then(() => this.#tick()))
    this.#tick()
    context.emitState()
    warnUnrenewable(context)
  }

  /** No new refresh from here on. Resolves when an open one is finished and saved, after 35 s at most. */
  async stop(): Promise<void> {
    const { clock, memory } = this.#context
    this.#context.running = false
    this.#timer?.cancel()
    this.#watch?.[Symbol.dispose]()
    this.#refresher.stopWaiting()
    if (this.#refresher.flight) await within(clock, this.#refresher.flight, STOP_LIMIT_MS)
    await this.#refresher.saveUnsaved()
    await memory.flush()
  }

  subscribe(listener: (notice: KeeperNotice) => void): Disposable {
    return this.#context.subscribe(listener)
  }

  snapshot(): AuthStatus {
    return this.#context.status()
  }

  /** When the active token will be refreshed ahead of time, epoch milliseconds; null = that is not planned. */
  get plannedRefreshAt(): number | null {
    const { token, state, clock, refreshFloorMs } = this.#context
    if (token === null || token.credential.refreshSource === null || state.name !== 'healthy') return null
    const wait = token.left() - token.windows.refreshWhenLeft
    return Number.isFinite(wait) ? clock.now() + Math.max(refreshFloorMs, wait) : null
  }

  /** A sentence about the state, for people; null when all is well. */
  get message(): string | null {
    return this.#context.message
  }

  /** The newest decision about the sources; before `start` it reports on each of them. */
  get decision(): Decision | null {
    return this.#sources.decision
  }

  acquire(): Credential | Promise<Credential> {
    return this.#context.ready() ?? this.#acquireSlowly()
  }

  accepted(used: Credential): void {
    // Each request comes by: one comparison once a generation is known to be good.
    if (used !== this.#rejections.proven) this.#rejections.prove(used)
  }

  async rejected(used: Credential, rejection: Rejection): Promise<Credential> {
    await this.#rejections.handle(used, rejection)
    return this.#currentOrFallback()
  }

  /** A server's clock, as its answer's `Date` shows it, in epoch milliseconds: our own may be wrong. */
  noticeServerTime(serverNow: number): void {
    if (this.#context.token?.noticeServerTime(serverNow)) this.#tick()
  }

  /**
   * One refresh now because a person asked for it, whatever is due.
   *
   * @returns how it ended, as in `lastRefresh`; null when nothing here can refresh the credential
   */
  async refreshNow(): Promise<string | null> {
    const { active, memory } = this.#context
    if (!active?.refreshSource) return null
    memory.open()
    await (this.#refresher.flight ?? this.#refresher.start(false))
    await memory.flush()
    return memory.record.lastRefresh?.outcome ?? null
  }

  /** No refresh of the active credential will ever work again: a person must sign in. */
  get isEnded(): boolean {
    const { memory, active } = this.#context
    return active !== null && hasEnded(memory.record, active.fingerprint)
  }

  /** Epoch milliseconds until which the token endpoint asked to wait; null = it did not. */
  get askedToWaitUntil(): number | null {
    const { failure } = this.#context.memory.record
    return failure?.reason === 'rate-limited' ? failure.nextAttemptAt : null
  }

  #acquireSlowly(): Credential | Promise<Credential> {
    const { token, retry } = this.#context
    const refresher = this.#refresher
    const current = this.#context.current()
    // A failure has earned a pause, and it is not over or its try is running.
    const isPausing = retry !== null && retry.attempt > 0
    if (current) {
      if (!token?.isWaitDue || token.credential.refreshSource === null) return current
      // Near the end any caller starts the refresh; in a pause the token is used while it lives.
      if (refresher.isAllowed && !isPausing) void refresher.start(false)
      if (refresher.flight === null || isPausing) return current
    } else if (!this.#rejections.isRecovering && refresher.isAllowed) {
      void refresher.start(false)
    }
    const { running } = this.#rejections
    return running === null ? this.#currentOrFallback() : running.then(() => this.#currentOrFallback())
  }

  /** @throws NeedsLogin | NotPermitted | TransientError | ConfigurationError where there is neither */
  #currentOrFallback(): Credential {
    const context = this.#context
    const current = context.current()
    if (current) return current
    if (context.fallback) {
      this.#warnFallbackOnce()
      return context.fallback
    }
    if (isUsable(context.state))
      throw new TransientError('the credential is being recovered', null, 'expired')
    throw errorOf(context.state, context.clock.now())
  }

  /** Once for each sign-in. */
  #warnFallbackOnce(): void {
    const fingerprint = this.#context.active?.fingerprint ?? ''
    if (this.#fallbackToldFor === fingerprint) return
    this.#fallbackToldFor = fingerprint
    warnFallback(this.#context)
    this.#context.emitState()
  }

  /** Does whatever is due, and sets the timer for the next thing. */
  #tick(): void {
    const context = this.#context
    if (!context.running || this.#ticking) return
    this.#ticking = true
    const { token, retry: pending } = context
    const wasDue = pending === null ? token?.isRefreshDue === true : context.isDue(pending)
    try {
      if (token !== null) {
        const isOverForGood = token.isOver && this.#refresher.flight === null && !this.#refresher.isAllowed
        if (isOverForGood && isUsable(context.state)) {
          context.dispatch({ type: 'expired', retryNow: context.refreshSoon() })
          // What was passed over for it is the next best.
          if (this.#sources.isPassingOver) void this.#sources.reload()
        }
        const { retry } = context
        if (
          !this.#rejections.isRecovering &&
          this.#refresher.isAllowed &&
          (retry !== null || token.isRefreshDue)
        ) {
          void this.#refresher.start(false)
        } else if (retry !== null && context.isDue(retry)) {
          this.#retry(retry)
        }
        warnLoginEnding(context)
      }
      context.updateReady()
    } finally {
      this.#ticking = false
    }
    this.#setTimer(wasDue)
  }

  #retry(retry: Retry): void {
    const { means } = retry
    if (means === 'probe') void this.#prober.ask()
    if (means === 'save') void this.#refresher.saveUnsaved()
    // Also where a token that counted as over lives again, because the clock was set right.
    if (means === 'read-again' || (means === 'refresh' && this.#refresher.mustNotSend)) this.#readAgain(retry)
  }

  /** The last request may have rotated the token: while the old one lives only the store is read. */
  #readAgain(retry: Retry): void {
    const context = this.#context
    const { failure } = context.memory.record
    if (failure === null) return
    const attempt = retry.attempt + 1
    const next = context.retryIn(refreshDelay(attempt, null, context.random()), 'read-again', attempt)
    context.dispatch({ type: 'refresh-failed', ...failure, usable: true, retry: next })
    void this.#sources.reload()
  }

  /** @param done what is due now was done, or waits for something that will set the timer again */
  #setTimer(done: boolean): void {
    const { running, clock } = this.#context
    if (!running || this.#ticking) return
    this.#timer?.cancel()
    const delay = Math.max(SHORTEST_TIMER_MS, Math.min(HEARTBEAT_MS, this.#nextMoment(done)))
    this.#timer = clock.setTimer(() => this.#tick(), delay)
  }

  /** Milliseconds to the nearest moment at which something may be due. */
  #nextMoment(done: boolean): number {
    const { token, state, retry, clock } = this.#context
    if (token === null) return Infinity
    const left = token.left()
    const { refreshWhenLeft, waitWhenLeft } = token.windows
    const moments: number[] = []
    // A timer may fire a moment too early, and a change may come between the moment and its timer:
    // what is overdue and was not done must not wait for the heartbeat.
    const soonest = done ? -Infinity : SHORTEST_TIMER_MS
    // The token may have ended since the tick checked it; only a flight brings its own next tick.
    if (isUsable(state))
      moments.push(this.#refresher.flight === null ? Math.max(left, SHORTEST_TIMER_MS) : left)
    if (retry) {
      const wait = Math.min(retry.monotonicAt - clock.monotonic(), retry.at - clock.now())
      moments.push(Math.max(wait, soonest))
    } else if (
      token.credential.refreshSource &&
      this.#refresher.flight === null &&
      state.name === 'healthy'
    ) {
      moments.push(Math.max(left - refreshWhenLeft, this.#context.refreshFloorMs, soonest))
    }
    if (left > waitWhenLeft) moments.push(left - waitWhenLeft)
    return Math.min(...moments.filter((moment) => moment > 0), HEARTBEAT_MS)
  }
}
