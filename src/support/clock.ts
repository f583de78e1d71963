/**
 * The only source of time. Pure policies get `now` as an argument; code that waits gets a `Clock`, so that
 * tests can run 30 days in a second.
 */
export interface Clock {
  /** Wall time, milliseconds since the Unix epoch. May jump. */
  now(): number
  /** Milliseconds from an arbitrary start; never goes back and does not count a suspend. */
  monotonic(): number
  /** Calls `callback` once after `delayMs`. The timer does not keep the process alive. */
  setTimer(callback: () => void, delayMs: number): Timer
}

export interface Timer {
  cancel(): void
}

/** setTimeout counts in a signed 32-bit integer and fires at once beyond it. */
export const MAX_TIMER_MS = 2 ** 31 - 1

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  setTimer(callback, delayMs) {
    const handle = setTimeout(callback, Math.min(Math.max(0, delayMs), MAX_TIMER_MS))
    handle.unref()
    return { cancel: () => clearTimeout(handle) }
  },
}

/** Resolves after `delayMs` on `clock`; rejects with the signal's reason when aborted before. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason)
    const onAbort = () => {
      timer.cancel()
      reject(signal!.reason)
    }
    const timer = clock.setTimer(() => {
      signal?.removeEventListener('abort', onAbort)
      resolve()
    }, delayMs)
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}

/**
 * Runs a request that ends with `signal` or after `timeoutMs`. By hand, because signals made by
 * `AbortSignal.any` and `AbortSignal.timeout` live on after the request, one for each of them.
 *
 * @param translate makes the error of the caller's kind
 * @throws the signal's reason when aborted, otherwise what `run` threw, translated
 */
export async function within<T>(
  timeoutMs: number,
  signal: AbortSignal,
  run: (deadline: AbortSignal) => Promise<T>,
  translate: (error: unknown) => unknown = (error) => error,
): Promise<T> {
  signal.throwIfAborted()
  const controller = new AbortController()
  const abort = () => controller.abort()
  const timer = setTimeout(abort, timeoutMs)
  timer.unref()
  signal.addEventListener('abort', abort, { once: true })
  try {
    return await run(controller.signal)
  } catch (error) {
    throw signal.aborted ? signal.reason : translate(error)
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', abort)
  }
}

/** `promise`, or the signal's reason as soon as it is aborted; what was begun continues. */
export function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason)
    if (signal.aborted) onAbort()
    signal.addEventListener('abort', onAbort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}

export const SECOND = 1_000
export const MINUTE = 60 * SECOND
export const HOUR = 60 * MINUTE
export const DAY = 24 * HOUR

/** The longest time that a Date can hold; odd values in files must not become exceptions. */
const MAX_TIME = 8.64e15

/** Epoch milliseconds in ISO 8601, UTC; null stays null. Never throws. */
export function isoTime(ms: number): string
export function isoTime(ms: number | null): string | null
export function isoTime(ms: number | null): string | null {
  return ms === null ? null : new Date(Math.max(-MAX_TIME, Math.min(MAX_TIME, ms))).toISOString()
}
