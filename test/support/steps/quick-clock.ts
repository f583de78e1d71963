import { MINUTE, type Clock, type Timer } from '../../../src/support/clock.ts'

/** Time that passes at once where it is waited for, except the long time of a whole turn. */
export class QuickClock implements Clock {
  #now = 0
  #long: Array<() => void> = []

  now(): number {
    return this.#now
  }

  monotonic(): number {
    return this.#now
  }

  setTimer(callback: () => void, delayMs: number): Timer {
    let isOver = false
    const fire = () => {
      if (isOver) return
      isOver = true
      callback()
    }
    if (delayMs > MINUTE) this.#long.push(fire)
    else
      setImmediate(() => {
        this.#now += Math.max(0, delayMs)
        fire()
      })
    return { cancel: () => void (isOver = true) }
  }

  pass(ms: number): void {
    this.#now += ms
    for (const fire of this.#long.splice(0)) fire()
  }
}
