import { StoreError } from '../../../support/errors.ts'
import { LOCK_MS } from '../connection/connection.ts'
import { mayConcernOneStep } from '../connection/failures.ts'
import { StepQueue, type Keyed } from './step-queue.ts'

/** Steps in one transaction, at most: bounds how long the first of them waits for the last. */
const MAX_BATCH = 256
/** Transactions at once: while one waits for the disk the next one is prepared. More would only be smaller. */
const MAX_BATCHES = 2
/** Rows that another process has locked are free again after one of its transactions. */
const LOCKED_PAUSE_MS = 10
/**
 * For so long a step skips rows that are locked; then it queues for them, so that others who lock them by turns do
 * not keep it out. Far longer than one transaction takes.
 */
const SKIP_FOR_MS = 500

/** Steps of a failed transaction that the database fails alone, too, before the rest are not tried. */
const GIVE_UP_AFTER = 2

/** What became of one step of a transaction that was committed. */
export type StepResult =
  | { readonly kind: 'done'; readonly value: unknown }
  /** It was refused; nothing of it was written. */
  | { readonly kind: 'refused'; readonly error: Error }
  /** Rows of it are locked by another process; nothing of it was done. */
  | { readonly kind: 'locked' }

/**
 * Runs steps in one transaction, and resolves after its commit.
 *
 * @param queues false: rows that others have locked are skipped; true: the one step queues for them, not for long
 * @returns a result for each step, in their order
 * @throws when nothing of any step was stored, or when it is not known
 */
export type RunTogether<S> = (steps: readonly S[], queues: boolean) => Promise<readonly StepResult[]>

interface Waiting<S> extends Keyed {
  readonly step: S
  readonly resolve: (value: never) => void
  readonly reject: (error: unknown) => void
  /** Monotonic milliseconds; null = its rows were never found locked. */
  lockedSince: number | null
  notBefore: number
  alone: boolean
  /** It queues for its rows instead of skipping them. */
  queues: boolean
}

/**
 * Collects the steps of a process and runs them in common transactions. While some are being committed, further
 * steps form the next transaction: the higher the load, the more messages share a commit, and no step ever waits
 * for a timer.
 */
export class StepEngine<S extends Keyed> {
  readonly #runTogether: RunTogether<S>
  readonly #queue = new StepQueue<Waiting<S>>()
  #running = 0
  /** One at a time: the other transaction is for those who need not wait. */
  #isQueueing = false
  #scheduled = false
  #pausing = false
  #closed = false
  #idle: PromiseWithResolvers<void> | null = null

  constructor(runTogether: RunTogether<S>) {
    this.#runTogether = runTogether
  }

  /** Resolves after the commit. @throws StoreError or RowRefused, as the step alone would */
  run<T>(step: S): Promise<T> {
    if (this.#closed) return Promise.reject(new StoreError('the store is closed'))
    return new Promise((resolve, reject) => {
      const { keys, alone } = step
      this.#queue.add({ step, keys, alone, resolve, reject, lockedSince: null, notBefore: 0, queues: false })
      this.#schedule()
    })
  }

  /** Resolves when everything that was asked for before is over. */
  async close(): Promise<void> {
    this.#closed = true
    if (this.#running === 0 && this.#queue.size === 0) return
    this.#idle ??= Promise.withResolvers<void>()
    await this.#idle.promise
  }

  #schedule(): void {
    if (this.#scheduled || this.#running === MAX_BATCHES) return
    this.#scheduled = true
    // After the microtasks of this turn, so that everybody who was woken together shares the transaction.
    setImmediate(() => {
      this.#scheduled = false
      this.#begin()
    })
  }

  #begin(): void {
    while (this.#running < MAX_BATCHES) {
      const now = performance.now()
      const steps = this.#queue.next(MAX_BATCH, ({ notBefore, queues }) => {
        return notBefore <= now && !(queues && this.#isQueueing)
      })
      if (steps.length === 0) break
      const { queues } = steps[0]!
      this.#running++
      if (queues) this.#isQueueing = true
      void this.#batch(steps).finally(() => {
        this.#running--
        if (queues) this.#isQueueing = false
        this.#schedule()
        if (this.#running === 0 && this.#queue.size === 0) this.#idle?.resolve()
      })
    }
    // Nothing that ends would begin the steps that have to wait for others.
    if (this.#running > 0 || this.#queue.size === 0 || this.#pausing) return
    this.#pausing = true
    setTimeout(() => {
      this.#pausing = false
      this.#schedule()
    }, LOCKED_PAUSE_MS)
  }

  /** Never rejects. @returns why it failed; null = it was committed */
  async #batch(steps: ReadonlyArray<Waiting<S>>): Promise<unknown> {
    try {
      const results = await this.#runTogether(
        steps.map(({ step }) => step),
        steps[0]!.queues,
      )
      for (const [index, waiting] of steps.entries()) this.#end(waiting, results[index]!)
      return null
    } catch (error) {
      if (steps.length > 1 && mayConcernOneStep(error)) await this.#oneByOne(steps)
      else for (const waiting of steps) this.#end(waiting, { kind: 'refused', error: error as Error })
      return error
    }
  }

  /** Nothing was stored. Alone, those that are fine succeed, and the one that is not fails. */
  async #oneByOne(steps: ReadonlyArray<Waiting<S>>): Promise<void> {
    let failures = 0
    for (const [index, waiting] of steps.entries()) {
      const error = await this.#batch([waiting])
      if (!(error instanceof StoreError) || ++failures < GIVE_UP_AFTER) continue
      // It is the database after all.
      for (const rest of steps.slice(index + 1)) this.#end(rest, { kind: 'refused', error })
      return
    }
  }

  #end(waiting: Waiting<S>, result: StepResult): void {
    if (result.kind === 'locked') return this.#putBack(waiting)
    this.#queue.end(waiting)
    if (result.kind === 'done') waiting.resolve(result.value as never)
    else waiting.reject(result.error)
  }

  #putBack(waiting: Waiting<S>): void {
    const now = performance.now()
    waiting.lockedSince ??= now
    // By chance, so that two processes do not meet again and again.
    waiting.notBefore = now + LOCKED_PAUSE_MS * (0.5 + Math.random())
    if (now - waiting.lockedSince >= SKIP_FOR_MS) waiting.alone = waiting.queues = true
    if (now - waiting.lockedSince < LOCK_MS) this.#queue.addBack(waiting)
    else {
      this.#queue.end(waiting)
      waiting.reject(
        new StoreError('the database took too long: another process keeps the conversation locked'),
      )
    }
  }
}
