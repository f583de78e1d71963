import type { Clock } from '../../support/clock.ts'
import { TransientError } from '../../support/errors.ts'
import type { Credential } from '../credential.ts'
import type { Held } from '../held.ts'
import {
  INITIAL_STATE,
  isUsable,
  retryOf,
  transition,
  type CredentialStateName,
  type KeeperEvent,
  type KeeperState,
  type Retry,
} from './keeper-state.ts'
import type { MemoryBook } from './memory-book.ts'
import type { KeeperNotice } from './notices.ts'
import { recordOfChange } from './record-rules.ts'
import { errorOf, messageFor, statusOf, type AuthStatus } from './status.ts'
import { TokenInHand } from './token-in-hand.ts'

/**
 * What the parts of the keeper share: the state and the one way to change it, the token
 * in hand, and who is told. Starts nothing by itself.
 */
export class KeeperCore {
  readonly clock: Clock
  readonly random: () => number
  readonly book: MemoryBook
  /** True between start and stop: only then are requests made and changes told. */
  running = false
  /** Called after each change, so that timers follow. */
  onChange: () => void = () => {}
  /** Called when the stand-in is handed out. */
  onStandIn: () => void = () => {}
  /** Is there anybody who can ask the provider whether it accepts a credential again? */
  readonly canProbe: boolean

  readonly #listeners = new Set<(notice: KeeperNotice) => void>()
  readonly #onListenerError: (error: unknown) => void
  #state: KeeperState = INITIAL_STATE
  #token: TokenInHand | null = null
  #fallback: Held | null = null
  #told: AuthStatus | null = null
  #ready: Credential | null = null
  #readyUntil = 0

  constructor(
    clock: Clock,
    random: () => number,
    book: MemoryBook,
    canProbe: boolean,
    onListenerError: (error: unknown) => void,
  ) {
    this.clock = clock
    this.random = random
    this.book = book
    this.canProbe = canProbe
    this.#onListenerError = onListenerError
  }

  get state(): KeeperState {
    return this.#state
  }

  get token(): TokenInHand | null {
    return this.#token
  }

  get held(): Held | null {
    return this.#state.held
  }

  /** The credential that may be handed out without a thought; null = look closer. The hot path. */
  ready(): Credential | null {
    return this.#ready !== null && this.clock.now() < this.#readyUntil ? this.#ready : null
  }

  /** The credential in hand, if requests may be sent with it. */
  current(): Credential | null {
    const token = this.#token
    if (token === null || !isUsable(this.#state) || token.isOver) return null
    const { credential } = token.held
    return this.book.record.rejected.includes(credential.fingerprint) ? null : credential
  }

  /** @throws NeedsLogin | NotPermitted | TransientError | ConfigurationError where there is neither */
  currentOrStandIn(): Credential {
    const current = this.current()
    if (current) return current
    if (this.#fallback) {
      this.onStandIn()
      return this.#fallback.credential
    }
    if (isUsable(this.#state)) throw new TransientError('the credential is being mended', null, 'expired')
    throw errorOf(this.#state, this.clock.now())
  }

  get fallback(): Held | null {
    return this.#fallback
  }

  set fallback(held: Held | null) {
    this.#fallback = held
  }

  /** Is the token so near its end that running requests wait for its refresh? */
  get isWaitTime(): boolean {
    const token = this.#token
    return token !== null && token.left() <= token.windows.waitWhenLeft
  }

  /** Applies `events` in turn; listeners hear of the result once. */
  dispatch(...events: readonly KeeperEvent[]): void {
    const before = this.#state
    this.#state = events.reduce(transition, before)
    this.settle()
    if (this.#state !== before) this.tellState()
    this.onChange()
  }

  /**
   * Takes `held` in hand.
   *
   * @param fromStore false: it was issued just now
   * @param events what happens to the state by it; asked when the record has taken note
   */
  take(held: Held, fromStore: boolean, events: (token: TokenInHand) => readonly KeeperEvent[]): void {
    this.book.update(recordOfChange(this.book.record, this.#state.held, held))
    this.#token = new TokenInHand(held, this.clock, fromStore, this.random())
    this.dispatch(...events(this.#token))
  }

  /** Nothing is in hand any more. */
  drop(event: Extract<KeeperEvent, { type: 'nothing-found' }>): void {
    this.#token = null
    this.dispatch(event)
  }

  /** Reckons anew what may be handed out without a thought; needed after the clock was set, too. */
  settle(): void {
    const credential = this.current()
    const token = this.#token
    if (credential === null || token === null) {
      this.#ready = null
      return
    }
    const margin = token.held.renewal === null ? 0 : token.windows.waitWhenLeft
    this.#readyUntil = this.clock.now() + token.left() - margin
    this.#ready = credential
  }

  retry(means: Retry['means'], attempt: number, delayMs: number): Retry {
    return {
      means,
      attempt,
      at: this.clock.now() + delayMs,
      monotonicAt: this.clock.monotonic() + delayMs,
    }
  }

  isDue(retry: Retry): boolean {
    return this.clock.now() >= retry.at || this.clock.monotonic() >= retry.monotonicAt
  }

  /** A failure has earned a pause, and the pause is not over or its try is running. */
  get isPausing(): boolean {
    return (retryOf(this.#state)?.attempt ?? 0) > 0
  }

  status(): AuthStatus {
    return statusOf({
      state: this.#state,
      record: this.book.record,
      leftMs: this.#token?.left() ?? Infinity,
      standIn: isUsable(this.#state) || this.#state.name === 'refreshing' ? null : this.#fallback,
    })
  }

  get message(): string | null {
    return messageFor(this.#state)
  }

  subscribe(listener: (notice: KeeperNotice) => void): Disposable {
    this.#listeners.add(listener)
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) }
  }

  tell(notice: KeeperNotice): void {
    for (const listener of this.#listeners) {
      try {
        listener(notice)
      } catch (error) {
        this.#onListenerError(error)
      }
    }
  }

  /** Tells the state where it looks different from what was told last. */
  tellState(): void {
    if (!this.running) return
    const to = this.status()
    const from = this.#told
    if (from !== null && outwardly(from) === outwardly(to)) return
    this.#told = to
    const usable = USABLE_STATES.has(to.state)
    this.tell({ type: 'transition', at: this.clock.now(), from, to, usable, message: this.message })
  }
}

/** Requests may begin: at worst they wait for a refresh that has not failed yet. */
const USABLE_STATES: ReadonlySet<CredentialStateName> = new Set(['healthy', 'refreshing', 'at-risk'])

function outwardly({ state, reason, source, fingerprint }: AuthStatus): string {
  return `${state} ${reason} ${source} ${fingerprint}`
}
