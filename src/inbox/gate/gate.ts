import { Emitter } from '../../support/emitter.ts'
import type { Outage } from '../arrival.ts'
import { noticeAt } from './hold-policy.ts'

/** Can messages be answered now? Read by the dispatcher before every lease, and by health checks. */
export type GateState =
  | { readonly open: true }
  | {
      readonly open: false
      /** Identifies the outage: the same from its start to its end, also across restarts where it is stored. */
      readonly id: string
      /** As `/readyz` prints it: a credential state, `usage-limited` or `provider-unavailable`. */
      readonly status: string
      readonly reason: string | null
      readonly since: number
      /** When the next automatic retry is due, or the current one began; null = only an event will open it. */
      readonly until: number | null
      /** From when on people are notified that they wait; a short wait ends before. */
      readonly tellAt: number
      /** The notice's text for a conversation that has to wait. */
      readonly notice: string
      /** One conversation may proceed, to find out whether the outage has ended. */
      readonly probing: boolean
    }

export interface Gate {
  current(): GateState
  /** Since when (epoch milliseconds) requests, let through, have waited for a refresh; null = none waits. */
  readonly refreshingSince?: number | null
  /** Calls `listener` after each change. */
  subscribe(listener: (state: GateState) => void): Disposable
}

/** The outage as the inbox must know it at `now`; null while messages can be answered. */
export function outageOf(state: GateState, now: number): Outage | null {
  if (state.open) return null
  return {
    id: state.id,
    reason: state.reason ?? state.status,
    notice: noticeAt(state, now) <= now ? state.notice : null,
  }
}

/**
 * Open only while every gate is open. A gate that is fully shut takes precedence over one that allows a
 * probe: a probe must pass all of them, or it proves nothing.
 */
export class CombinedGate implements Gate {
  readonly #gates: readonly Gate[]

  constructor(gates: readonly Gate[]) {
    this.#gates = gates
  }

  current(): GateState {
    const closed = this.#gates.map((gate) => gate.current()).filter((state) => !state.open)
    return closed.find((state) => !state.probing) ?? closed[0] ?? { open: true }
  }

  get refreshingSince(): number | null {
    return this.#gates.find((gate) => gate.refreshingSince)?.refreshingSince ?? null
  }

  subscribe(listener: (state: GateState) => void): Disposable {
    const subscriptions = this.#gates.map((gate) => gate.subscribe(() => listener(this.current())))
    return {
      [Symbol.dispose]: () => {
        for (const subscription of subscriptions) subscription[Symbol.dispose]()
      },
    }
  }
}

/** Holds the state of a gate and emits its changes; its owner decides the state. */
export class SwitchGate implements Gate {
  #state: GateState = { open: true }
  readonly #changes: Emitter<GateState>

  /** @param onProblem is given what a listener throws */
  constructor(onProblem: (error: unknown) => void) {
    this.#changes = new Emitter(onProblem)
  }

  current(): GateState {
    return this.#state
  }

  set(state: GateState): void {
    if (this.#state.open && state.open) return
    this.#state = state
    this.#changes.emit(state)
  }

  subscribe(listener: (state: GateState) => void): Disposable {
    return this.#changes.subscribe(listener)
  }
}
