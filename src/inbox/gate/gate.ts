import type { Outage } from '../arrival.ts'

/** Can messages be answered now? Read by the dispatcher before every lease, and by whoever reports health. */
export type GateState =
  | { readonly open: true }
  | {
      readonly open: false
      /** Names the outage: the same from its start to its end, over restarts where it is remembered. */
      readonly id: string
      /** As `/readyz` prints it: a credential state, `usage-limited` or `provider-unavailable`. */
      readonly status: string
      readonly reason: string | null
      readonly since: number
      /** When it will be tried again by itself; null = only an event will open it. */
      readonly until: number | null
      /** From when on people are told that they wait; a short wait ends before. */
      readonly tellAt: number
      /** The notice's text for a conversation that has to wait. */
      readonly notice: string
      /** One conversation may go ahead to find out whether the outage is over. */
      readonly probing: boolean
    }

export interface Gate {
  current(): GateState
  /** Calls `listener` after each change. */
  subscribe(listener: (state: GateState) => void): Disposable
}

/** The outage as the inbox must know it at `now`; null while messages can be answered. */
export function outageOf(state: GateState, now: number): Outage | null {
  if (state.open) return null
  return {
    id: state.id,
    reason: state.reason ?? state.status,
    notice: now >= state.tellAt ? state.notice : null,
  }
}
