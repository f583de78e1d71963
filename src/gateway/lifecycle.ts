import { SECOND } from '../support/clock.ts'
import type { Log } from '../support/log.ts'

/** The longest that a stop takes: a token request that is open has its own 30 s, and is saved after that. */
const STOP_WITHIN_MS = 35 * SECOND
/** What one part may take of it; all but the answers and the credential are done within milliseconds. */
const PART_WITHIN_MS = 5 * SECOND
/** After the whole time is over, the parts that are left are still asked to stop, and waited for this long. */
const LATE_PART_WITHIN_MS = SECOND

/** Runs one step of a start; whoever wants to see or to break a step puts itself between. */
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
  /** When the whole stop is to be over, by `performance.now()`; null = nothing is being stopped yet. */
  #stopBy: number | null = null

  constructor(log: Log, runStep: RunStep = (_name, start) => start()) {
    this.#log = log
    this.#runStep = runStep
  }

  /** Starts a part, and puts its stop on `stack`. @throws what its start throws */
  async start<T>(stack: AsyncDisposableStack, name: string, part: Part<T>): Promise<T> {
    let started: T | undefined
    // Before the start: one that fails half-way is stopped, too.
    this.onStop(stack, name, () => part.stop(started), part.stopWithinMs)
    return await this.#runStep(name, async () => (started = await part.start()))
  }

  /** Puts a stop on `stack`, of a part that comes into being together with another. */
  onStop(stack: AsyncDisposableStack, name: string, stop: () => unknown, withinMs = PART_WITHIN_MS): void {
    stack.defer(() => this.#stop(name, stop, withinMs))
  }

  /** A further step of a part whose stop is on the stack already. @throws what `start` throws */
  async run<T>(name: string, start: () => Promise<T>): Promise<T> {
    return await this.#runStep(name, start)
  }

  /**
   * Puts two stops on `stack` that go on at the same time: `stop`, and everything on the stack that
   * is returned.
   */
  stopBeside(stack: AsyncDisposableStack, name: string, stop: () => Promise<void>): AsyncDisposableStack {
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
      this.#log.error({ err, part: name }, 'a part of the gateway did not stop in good order')
    } finally {
      clearTimeout(timer)
    }
  }
}

/** Waits for every one of `works`. @throws the first failure among them, when all are over */
export async function allDone(works: ReadonlyArray<Promise<unknown>>): Promise<void> {
  const failed = (await Promise.allSettled(works)).find((result) => result.status === 'rejected')
  if (failed) throw failed.reason
}
