import { systemClock, type Clock } from '../../src/support/clock.ts'

/** Real time whose waits are cut to `ms`: for back-offs between real requests. */
export function hurried(ms: number): Clock {
  return {
    ...systemClock,
    setTimer: (callback, delayMs) => systemClock.setTimer(callback, Math.min(delayMs, ms)),
  }
}
