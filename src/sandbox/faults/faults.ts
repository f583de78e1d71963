import type { Clock } from '../../support/clock.ts'
import type { EventLog } from '../control/event-log.ts'
import type { ActiveFault, FaultHandle } from '../types.ts'
import type { Fault, FaultTarget } from './fault-names.ts'

interface Entry extends ActiveFault {
  readonly fault: Fault
  readonly until: number | null
  struck: number
}

/** A fault that strikes one request. */
export interface Strike<F extends Fault> {
  readonly fault: F
  /** How long to wait before it does, in milliseconds. */
  readonly delayMs: number
  /** Epoch milliseconds at which the fault ends, or null. */
  readonly until: number | null
}

/** A usage limit without a given end lasts two minutes: long enough to see it, short enough to wait for. */
export const DEFAULT_RESET_MS = 120_000

/** Which faults are on, for how long, and which one strikes a request. */
export class FaultSwitch {
  readonly #clock: Clock
  readonly #events: EventLog
  #entries: Entry[] = []

  constructor(clock: Clock, events: EventLog) {
    this.#clock = clock
    this.#events = events
  }

  set(fault: Fault): FaultHandle {
    const entry: Entry = { fault, until: this.#endOf(fault), struck: 0 }
    this.#entries.push(entry)
    this.#events.add({ kind: 'fault-on', target: fault.target, fault: fault.fault })
    return {
      fault,
      until: entry.until,
      get struck() {
        return entry.struck
      },
      clear: () => void (this.#entries = this.#entries.filter((other) => other !== entry)),
    }
  }

  active(): readonly ActiveFault[] {
    this.#entries = this.#entries.filter((entry) => this.#lives(entry))
    return this.#entries.map(({ fault, until, struck }) => ({ fault, until, struck }))
  }

  clear(target?: FaultTarget): void {
    this.#entries = target ? this.#entries.filter((entry) => entry.fault.target !== target) : []
    this.#events.add({ kind: 'repaired', target: target ?? 'all' })
  }

  /** The first active fault of `target` that matches the request; counts one strike. */
  draw<T extends FaultTarget>(
    target: T,
    fits: (fault: Extract<Fault, { target: T }>) => boolean,
  ): Strike<Extract<Fault, { target: T }>> | null {
    if (this.#entries.length === 0) return null
    for (const entry of this.#entries) {
      if (entry.fault.target !== target || !this.#lives(entry)) continue
      const fault = entry.fault as Extract<Fault, { target: T }>
      if (!fits(fault)) continue
      const delayMs = (fault.delayMs ?? 0) + entry.struck * (fault.delayStepMs ?? 0)
      entry.struck++
      return { fault, delayMs, until: entry.until }
    }
    return null
  }

  #endOf(fault: Fault): number | null {
    if (fault.forMs !== undefined) return this.#clock.now() + fault.forMs
    if (fault.fault === 'usage-limit' && fault.times === undefined) {
      return this.#clock.now() + (fault.resetInMs ?? DEFAULT_RESET_MS)
    }
    return null
  }

  #lives(entry: Entry): boolean {
    if (entry.until !== null && this.#clock.now() >= entry.until) return false
    return entry.fault.times === undefined || entry.struck < entry.fault.times
  }
}
