import { SECOND, type Clock, type Timer } from '../../support/clock.ts'
import { Emitter } from '../../support/emitter.ts'
import type { Gate } from './gate.ts'
import { reportedStatus } from './provider-gate.ts'
import type { StoreHealth } from './store-health.ts'

/** Can messages be answered now? The single source for health checks, status, metrics and alerts. */
export type ReadinessState =
  | { readonly ready: true }
  | {
      readonly ready: false
      /** A credential state, `usage-limited`, `provider-unavailable`, `budget`, `stalled` or `store`. */
      readonly status: string
      readonly reason: string | null
      /** Identifies the outage from its start to its end. */
      readonly id: string
      readonly since: number
    }

/** What keeps messages waiting, from its first second on. */
export interface Holding {
  /** As in `ReadinessState`. */
  readonly status: string
  readonly reason: string | null
  readonly since: number
  /** When messages are tried again automatically; in the past: now. null = only an event ends it. */
  readonly nextTryAt: number | null
  /** A message that is being answered is a try, or waits as well. */
  readonly trying: boolean
  /** Everybody else is answered: so many messages, whose own requests have failed, wait. Left out: all wait. */
  readonly suspected?: number
}

/** How many messages wait because of `holding`: also those behind the held ones, and the one that is tried. */
export function waitingCount(
  counts: { readonly received: number; readonly answering: number; readonly held: number },
  holding: Holding | null,
): number {
  if (holding === null) return counts.held
  // Those are among the held ones as soon as people are notified.
  if (holding.suspected !== undefined) return Math.max(counts.held, holding.suspected)
  return counts.held + counts.received + (holding.trying ? counts.answering : 0)
}

export interface ReadinessOptions {
  readonly gate: Gate
  readonly store: Pick<StoreHealth, 'ok' | 'problem' | 'subscribe'>
  readonly dispatcher: {
    readonly stalled: boolean
    /** Messages that wait because the gate suspects the provider. */
    readonly suspected: number
  }
  /** The common budget that keeps messages waiting; left out: there is none. */
  readonly budget?: {
    reached(): { readonly kind: string; readonly since: number; readonly resetsAt: number } | null
    subscribe(listener: () => void): Disposable
  }
  readonly clock: Clock
  readonly newId: (now: number) => string
  readonly onProblem: (error: unknown) => void
}

/** A refresh takes a fraction of this; one that takes longer keeps people waiting. */
const QUICK_REFRESH_MS = 800

/** What changes with time alone (a long overload, a stall) is checked this often. */
const CHECK_EVERY_MS = 0.5 * SECOND

/** Watches everything that keeps messages from being answered, and emits each change. */
export class Readiness {
  readonly #options: ReadinessOptions
  readonly #changes: Emitter<ReadinessState>
  #watches: Disposable[] = []
  #timer: Timer | null = null
  #told = ''
  /** The gateway's own outages (store, stall) have no gate that would give them an id. */
  #own: { readonly status: string; readonly id: string; readonly since: number } | null = null

  constructor(options: ReadinessOptions) {
    this.#options = options
    this.#changes = new Emitter(options.onProblem)
  }

  start(): void {
    const { gate, store, budget } = this.#options
    this.#watches = [gate, store, ...(budget ? [budget] : [])].map((part) =>
      part.subscribe(() => this.#update()),
    )
    this.#tick()
  }

  stop(): void {
    for (const watch of this.#watches) watch[Symbol.dispose]()
    this.#timer?.cancel()
  }

  /** Always computed now: nothing is cached that could be out of date. */
  current(): ReadinessState {
    const { gate, store, dispatcher, budget, clock } = this.#options
    if (!store.ok) return this.#ownOutage('store', 'store')
    const state = gate.current()
    const status = reportedStatus(state, clock.now())
    if (!state.open && status !== null) {
      return { ready: false, status, reason: state.reason, id: state.id, since: state.since }
    }
    const since = gate.refreshingSince ?? null
    if (since !== null && clock.now() - since >= QUICK_REFRESH_MS) {
      return { ready: false, status: 'refreshing', reason: 'expired', id: 'refreshing', since }
    }
    if (dispatcher.stalled) return this.#ownOutage('stalled', null)
    this.#own = null
    const reached = budget?.reached()
    if (reached) {
      const { kind, since, resetsAt } = reached
      return { ready: false, status: 'budget', reason: kind, id: `budget ${kind} ${resetsAt}`, since }
    }
    return { ready: true }
  }

  /** What holds messages now; null = nothing. Unlike `current`, it does not wait for a short overload to last. */
  holding(): Holding | null {
    const { gate, store, dispatcher, budget } = this.#options
    const state = gate.current()
    const { suspected } = dispatcher
    if (store.ok && !state.open && (!state.suspected || suspected > 0)) {
      const { status, reason, since, until, probing } = state
      const common = { status, reason, since, nextTryAt: until, trying: probing }
      return state.suspected ? { ...common, suspected } : common
    }
    const found = this.current()
    if (found.ready) return null
    const { status, reason, since } = found
    const nextTryAt = status === 'budget' ? (budget?.reached()?.resetsAt ?? null) : null
    return { status, reason, since, nextTryAt, trying: status === 'refreshing' }
  }

  subscribe(listener: (state: ReadinessState) => void): Disposable {
    return this.#changes.subscribe(listener)
  }

  #ownOutage(status: string, reason: string | null): ReadinessState {
    if (this.#own?.status !== status) {
      const since = this.#options.clock.now()
      this.#own = { status, id: this.#options.newId(since), since }
    }
    const { id, since } = this.#own
    return { ready: false, status, reason, id, since }
  }

  #tick(): void {
    this.#update()
    this.#timer = this.#options.clock.setTimer(() => this.#tick(), CHECK_EVERY_MS)
  }

  #update(): void {
    const state = this.current()
    const key = state.ready ? 'ready' : `${state.status} ${state.reason} ${state.id}`
    if (key === this.#told) return
    this.#told = key
    this.#changes.emit(state)
  }
}
