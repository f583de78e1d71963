import { SECOND } from '../support/clock.ts'
import type { Log } from '../support/log.ts'

/** The longest stop: an open token request has its own 30 s, and its result is saved after that. */
const STOP_WITHIN_MS = 35 * SECOND
/** The share of one part; all but the answers and the credential finish within milliseconds. */
const PART_WITHIN_MS = 5 * SECOND
/** Once the time is up, the remaining parts are still stopped, but waited for only this long. */
const LATE_PART_WITHIN_MS = SECOND

/** Runs one step of a start; tests intercept it to observe or break a step. */
export type RunStep = <T>(name: string, start: () => Promise<T>) => Promise<T>

export interface Part<T> {
  readonly start: () => T | Promise<T>
  /** @param started undefined: the start failed, perhaps half-way */
  readonly stop: (started: T | undefined) => unknown
  readonly stopWithinMs?: number
}

/**
 * Starts parts and stops them in the reverse order. A stop that fails or hangs is logged; it keeps
 * no other part from being stopped.
 */
export class Lifecycle {
  readonly #log: Log
  readonly #runStep: RunStep
  /** Deadline of the whole stop, by `performance.now()`; null = not stopping yet. */
  #stopBy: number | null = null

  constructor(log: Log, runStep: RunStep = (_name, start) => start()) {
    this.#log = log
    this.#runStep = runStep
  }

  /** Starts a part, and adds its stop to `stack`. @throws what its start throws */
  async start<T>(stack: AsyncDisposableStack, name: string, part: Part<T>): Promise<T> {
    let started: T | undefined
    // Before the start: one that fails half-way is stopped, too.
    this.onStop(stack, name, () => part.stop(started), part.stopWithinMs)
    return await this.#runStep(name, async () => (started = await part.start()))
  }

  /** Adds a stop to `stack`, of a part that is created together with another. */
  onStop(stack: AsyncDisposableStack, name: string, stop: () => unknown, withinMs = PART_WITHIN_MS): void {
    stack.defer(() => this.#stop(name, stop, withinMs))
  }

  /** A further step of a part whose stop is on the stack already. @throws what `start` throws */
  async run<T>(name: string, start: () => Promise<T>): Promise<T> {
    return await this.#runStep(name, start)
  }

  /**
   * Adds two concurrent stops to `stack`: `stop`, and everything on the stack that
   * is returned.
   */
  stopConcurrently(
    stack: AsyncDisposableStack,
    name: string,
    stop: () => Promise<void>,
  ): AsyncDisposableStack {
    const others = new AsyncDisposableStack()
    stack.defer(async () => {
      await Promise.all([this.#stop(name, stop, STOP_WITHIN_MS), others.disposeAsync()])
    })
    return others
  }

  /** Never rejects. */
  async #stop(name: string, stop: () => unknown, withinMs: number): Promise<void> {
    const now = performance.now()
    this.#stopBy ??= now + STOP_WITHIN_MS
    const ms = Math.max(LATE_PART_WITHIN_MS, Math.min(withinMs, this.#stopBy - now))
    let timer: NodeJS.Timeout | undefined
    const tooLong = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(new Error(`it did not stop within ${Math.round(ms / SECOND)} s`)), ms)
    })
    try {
      await Promise.race([(async () => stop())(), tooLong])
    } catch (err) {
      this.#log.error({ err, part: name }, 'a part of the gateway did not stop cleanly')
    } finally {
      clearTimeout(timer)
    }
  }
}

/** Waits for all of `works`. @throws the first failure, when all are done */
export async function allDone(works: ReadonlyArray<Promise<unknown>>): Promise<void> {
  const failed = (await Promise.allSettled(works)).find((result) => result.status === 'rejected')
  if (failed) throw failed.reason
}
