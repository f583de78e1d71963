import type { Clock, Timer } from '../../src/support/clock.ts'

/** A clock that moves only when told; timers fire in order, with promises settled in between. */
export class FakeClock implements Clock {
  #wall: number
  #monotonic = 0
  #timers: Array<{ due: number; callback: () => void }> = []
  /** Resolves when real work (a request, a file) that a timer began is done; time stands still until then. */
  idle: () => Promise<void> = async () => {}

  constructor(start = Date.UTC(2026, 10, 1)) {
    this.#wall = start
  }

  now(): number {
    return this.#wall
  }

  monotonic(): number {
    return this.#monotonic
  }

  setTimer(callback: () => void, delayMs: number): Timer {
    const timer = { due: this.#monotonic + Math.max(0, delayMs), callback }
    this.#timers.push(timer)
    return { cancel: () => void (this.#timers = this.#timers.filter((other) => other !== timer)) }
  }

  /** Lets `ms` pass, firing each timer at its moment. */
  async advance(ms: number): Promise<void> {
    const end = this.#monotonic + ms
    for (;;) {
      await flushPromises()
      await this.idle()
      const next = this.#timers.filter((timer) => timer.due <= end).sort((a, b) => a.due - b.due)[0]
      if (!next) break
      this.#timers = this.#timers.filter((timer) => timer !== next)
      this.#move(next.due - this.#monotonic)
      next.callback()
    }
    this.#move(end - this.#monotonic)
    await flushPromises()
    await this.idle()
  }

  /** The wall clock is set to another time; monotonic time and timers do not notice. */
  jump(ms: number): void {
    this.#wall += ms
  }

  /** How many timers wait. */
  get pending(): number {
    return this.#timers.length
  }

  #move(ms: number): void {
    this.#wall += ms
    this.#monotonic += ms
  }
}

/** Lets everything that is ready run: promises, and I/O callbacks that wait for a turn of the event loop. */
async function flushPromises(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve))
}
