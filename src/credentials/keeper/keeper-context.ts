import type { Clock } from '../../support/clock.ts'
import type { Log } from '../../support/log.ts'
import type { Credential, ManagedCredential, Probe } from '../credential.ts'
import type { Resolver } from '../sources/decision.ts'
import {
  admitsRequests,
  INITIAL_STATE,
  isUsable,
  retryOf,
  transition,
  type KeeperEvent,
  type KeeperState,
  type Retry,
} from './keeper-state.ts'
import { PersistentRecord } from './persistent-record.ts'
import { isTokenGood, recordOfChange, type KeeperMemory } from './record.ts'
import { refreshFloor } from './refresh-policy.ts'
import { statusOf, type AuthStatus, type KeeperNotice } from './status.ts'
import { TokenClock } from './token-clock.ts'

export interface KeeperOptions {
  readonly resolver: Resolver
  readonly memory: KeeperMemory
  readonly clock: Clock
  readonly log?: Log
  /** A number in [0, 1); `Math.random` outside tests. */
  readonly random?: () => number
  /** Asked between start and stop only, where nothing but the provider can change something. */
  readonly probe: Probe
}

/**
 * What the parts of the keeper work on: the state and the one way to change it, the active
 * credential, what is remembered, and the one way to report it. Starts nothing automatically.
 */
export class KeeperContext {
  readonly clock: Clock
  readonly random: () => number
  readonly memory: PersistentRecord
  readonly resolver: Resolver
  readonly probe: Probe
  /** To be called after a change that is no event: a refresh that has ended, say. */
  readonly changed: () => void
  /** True between start and stop: only then are requests made and changes told. */
  running = false
  /** The API key to use while the sign-in is dead. */
  fallback: ManagedCredential | null = null

  readonly #log: Log | undefined
  readonly #listeners = new Set<(notice: KeeperNotice) => void>()
  #state: KeeperState = INITIAL_STATE
  #token: TokenClock | null = null
  #emitted: AuthStatus | null = null
  #ready: Credential | null = null
  #readyUntil = 0

  /** @param onChange called after each change, so that the timer follows */
  constructor(
    { memory, clock, random = Math.random, resolver, probe, log }: KeeperOptions,
    onChange: () => void,
  ) {
    this.clock = clock
    this.random = random
    this.memory = new PersistentRecord(memory, (message) =>
      log?.warn({ message }, 'what the keeper remembers cannot be saved'),
    )
    this.resolver = resolver
    this.probe = probe
    this.changed = onChange
    this.#log = log
  }

  get state(): KeeperState {
    return this.#state
  }

  /** What the keeper will do automatically in this state, and when. */
  get retry(): Retry | null {
    return retryOf(this.#state)
  }

  get token(): TokenClock | null {
    return this.#token
  }

  get active(): ManagedCredential | null {
    return this.#state.active
  }

  /** Does this fingerprint name the active credential? */
  isActive(fingerprint: string): boolean {
    return this.active?.fingerprint === fingerprint
  }

  /** The credential that may be handed out without any check; null = look closer. The hot path. */
  ready(): Credential | null {
    return this.#ready !== null && this.clock.now() < this.#readyUntil ? this.#ready : null
  }

  /** Would the token be accepted by all that is known, whatever the state says of its refresh? */
  get isTokenGood(): boolean {
    return this.#token !== null && isTokenGood(this.memory.record, this.#token)
  }

  /** The active credential, if requests may be sent with it. */
  current(): Credential | null {
    return isUsable(this.#state) && this.isTokenGood ? this.#token!.credential : null
  }

  /** Applies `events` in turn; listeners are notified of the result once. */
  dispatch(...events: readonly KeeperEvent[]): void {
    const before = this.#state
    this.#state = events.reduce(transition, before)
    this.updateReady()
    if (this.#state !== before) this.emitState()
    this.changed()
  }

  /**
   * Makes `credential` the active one.
   *
   * @param fromStore false: it was issued just now
   * @param events what happens to the state by it; asked when the record has taken note
   */
  activate(
    credential: ManagedCredential,
    fromStore: boolean,
    events: (token: TokenClock) => readonly KeeperEvent[],
  ): void {
    this.memory.update(recordOfChange(this.memory.record, this.active, credential))
    this.#token = new TokenClock(credential, this.clock, fromStore, this.random())
    this.dispatch(...events(this.#token))
  }

  /** No credential is active any more. */
  deactivate(event: Extract<KeeperEvent, { type: 'nothing-found' }>): void {
    this.#token = null
    this.dispatch(event)
  }

  /** Recomputes the cached credential of the hot path; needed after the clock was set, too. */
  updateReady(): void {
    this.#ready = this.current()
    const token = this.#token
    if (token === null) return
    const margin = token.credential.refreshSource === null ? 0 : token.windows.waitWhenLeft
    this.#readyUntil = this.clock.now() + token.left() - margin
  }

  retryIn(delayMs: number, means: Retry['means'], attempt: number): Retry {
    return {
      means,
      attempt,
      at: this.clock.now() + delayMs,
      monotonicAt: this.clock.monotonic() + delayMs,
    }
  }

  /** A refresh as soon as one that nobody asked for may begin. */
  refreshSoon(): Retry {
    return this.retryIn(this.refreshFloorMs, 'refresh', 0)
  }

  /** Milliseconds until a refresh that nobody asked for may begin; the first token of a source never waits. */
  get refreshFloorMs(): number {
    const isFirst = this.#token?.credential.fingerprint === ''
    return isFirst ? 0 : refreshFloor(this.memory.record.lastRefresh, this.clock.now())
  }

  isDue(retry: Retry): boolean {
    return this.clock.now() >= retry.at || this.clock.monotonic() >= retry.monotonicAt
  }

  status(): AuthStatus {
    return statusOf({
      state: this.#state,
      record: this.memory.record,
      leftMs: this.#token?.left() ?? Infinity,
      fallback: isUsable(this.#state) || this.#state.name === 'refreshing' ? null : this.fallback,
    })
  }

  subscribe(listener: (notice: KeeperNotice) => void): Disposable {
    this.#listeners.add(listener)
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) }
  }

  /** The one way up: whatever happens here is reported through it. */
  emit(notice: KeeperNotice): void {
    for (const listener of this.#listeners) {
      try {
        listener(notice)
      } catch (error) {
        this.#log?.error({ error }, 'a listener of the keeper failed')
      }
    }
  }

  /** Tells the state where it looks different from what was told last. */
  emitState(): void {
    if (!this.running) return
    const to = this.status()
    const from = this.#emitted
    if (from !== null && outwardly(from) === outwardly(to)) return
    this.#emitted = to
    this.emit({
      type: 'transition',
      at: this.clock.now(),
      from,
      to,
      usable: admitsRequests(to.state),
      message: this.message,
    })
  }

  /** A sentence about the state, for people; null when there is nothing to say. */
  get message(): string | null {
    return 'message' in this.#state ? this.#state.message : null
  }
}

function outwardly({ state, reason, source, fingerprint }: AuthStatus): string {
  return `${state} ${reason} ${source} ${fingerprint}`
}
