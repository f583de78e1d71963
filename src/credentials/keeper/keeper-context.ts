import type { Clock } from '../../support/clock.ts'
import { messageOf } from '../../support/errors.ts'
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
import { EMPTY_RECORD, isTokenGood, recordOfChange, type KeeperMemory, type KeeperRecord } from './record.ts'
import { refreshFloor } from './refresh-policy.ts'
import { withNews } from './shared-record.ts'
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

/** The record in use. Writes follow each other; the newest state always gets written last. */
export class PersistentRecord {
  readonly #memory: KeeperMemory
  readonly #onError: (message: string) => void
  #record: KeeperRecord = EMPTY_RECORD
  #base: KeeperRecord = EMPTY_RECORD
  #open = false
  #dirty = false
  #updates = 0
  #writing: Promise<void> | null = null

  constructor(memory: KeeperMemory, onError: (message: string) => void) {
    this.#memory = memory
    this.#onError = onError
  }

  get record(): KeeperRecord {
    return this.#record
  }

  async load(): Promise<void> {
    this.#record = (await this.#memory.load().catch(() => null)) ?? EMPTY_RECORD
    this.#base = this.#record
  }

  /** Takes over what other processes have learned since; nothing where the record is ours alone. */
  async learn(active: string | null): Promise<void> {
    if (!this.#memory.isShared) return
    let known: number
    let theirs: KeeperRecord | null
    do {
      await this.flush()
      known = this.#updates
      theirs = await this.#memory.load().catch(() => null)
      if (theirs === null) return
      // What was changed here in the meantime is not in what was read.
    } while (known !== this.#updates)
    this.#record = withNews(this.#record, theirs, active)
    this.#base = this.#record
  }

  /** From here on changes are written: a process that only reads must not overwrite what a running gateway knows. */
  open(): void {
    this.#open = true
    if (this.#dirty) this.#writing ??= this.#write()
  }

  update(change: Partial<KeeperRecord>): void {
    this.#record = { ...this.#record, ...change }
    this.#updates++
    this.#dirty = true
    if (this.#open) this.#writing ??= this.#write()
  }

  /** Resolves when everything that was changed so far is written, or cannot be. */
  async flush(): Promise<void> {
    while (this.#writing) await this.#writing
  }

  async #write(): Promise<void> {
    // Changes of the same moment share one write.
    await Promise.resolve()
    try {
      while (this.#dirty) {
        this.#dirty = false
        const record = this.#record
        await this.#memory.save(record, this.#base)
        this.#base = record
      }
    } catch (error) {
      this.#onError(messageOf(error))
    } finally {
      this.#writing = null
    }
  }
}
