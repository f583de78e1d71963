import type { Gate, GateState } from './gate.ts'

/** Keeps the state of a gate and tells of its changes; whoever owns it decides what the state is. */
export class SwitchGate implements Gate {
  #state: GateState = { open: true }
  readonly #listeners = new Set<(state: GateState) => void>()

  current(): GateState {
    return this.#state
  }

  set(state: GateState): void {
    if (this.#state.open && state.open) return
    this.#state = state
    for (const listener of this.#listeners) listener(state)
  }

  subscribe(listener: (state: GateState) => void): Disposable {
    this.#listeners.add(listener)
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) }
  }
}
