import type { Gate, GateState } from './gate.ts'

/**
 * Open only while every gate is open. A gate that is shut outright speaks before one
 * that lets a probe through: a probe must get past all of them, or it proves nothing.
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

  subscribe(listener: (state: GateState) => void): Disposable {
    const subscriptions = this.#gates.map((gate) => gate.subscribe(() => listener(this.current())))
    return {
      [Symbol.dispose]: () => {
        for (const subscription of subscriptions) subscription[Symbol.dispose]()
      },
    }
  }
}
