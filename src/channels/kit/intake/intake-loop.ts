import { backoffDelay, type BackoffOptions } from '../../../support/backoff.ts'
import { sleep, type Clock } from '../../../support/clock.ts'
import { messageOf, RowRefused } from '../../../support/errors.ts'
import type { Log } from '../../../support/log.ts'
import { isStoreTrouble, backoffFor, OPERATOR_RETRY, RETRY, retryAfterOf } from '../retry.ts'

/** How receiving goes. */
export interface IntakeStatus {
  readonly state: 'connected' | 'retrying' | 'failed'
  /** What is wrong, in words for the operator; null = nothing. */
  readonly problem: string | null
}

/** Why receiving fails. */
export interface Trouble {
  /** `failed`: an operator has to act. */
  readonly state: 'retrying' | 'failed'
  readonly problem: string
  /** The back-off unless the platform names a wait. Default: by the state. */
  readonly backoff?: BackoffOptions
}

/** Ends a round with a trouble that is already known. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted'
  readonly trouble: Trouble
  readonly retryAfterMs: number | null

  constructor(trouble: Trouble, retryAfterMs: number | null = null) {
    super(trouble.problem)
    this.trouble = trouble
    this.retryAfterMs = retryAfterMs
  }
}

export interface IntakeLoopOptions {
  readonly channel: string
  readonly clock: Clock
  readonly log: Log
  readonly random: () => number
  /** The second half of the sentence about the store: who keeps what was not stored. */
  readonly kept: string
  /** What a failure of the platform means; null: the failure is not the platform's. */
  readonly troubleOf: (error: unknown, signal: AbortSignal) => Trouble | null | Promise<Trouble | null>
  readonly onStatus: (status: IntakeStatus) => void
}

/** A round that waits for the platform takes longer than this; one that brings a batch may not. */
const HURRIED_MS = 50
/** So many batches in a row are a backlog. More is a server, or a proxy, that answers without waiting. */
const MAX_HURRIED_ROUNDS = 50
const BREATH_MS = 250

/** Receives round after round, reports what is wrong, and waits longer the longer it lasts. */
export class IntakeLoop {
  readonly #options: IntakeLoopOptions
  /**
   * Failures since receiving last worked, by how they are backed off from: what a kind of failure has to
   * wait for grows with its own number alone.
   */
  readonly #failures = new Map<BackoffOptions, number>()

  constructor(options: IntakeLoopOptions) {
    this.#options = options
  }

  /** Runs until `signal` is aborted; what is being stored then is still committed. Never rejects. */
  async run(round: () => Promise<void>, signal: AbortSignal): Promise<void> {
    const { clock } = this.#options
    let hurried = 0
    while (!signal.aborted) {
      const began = clock.monotonic()
      try {
        await round()
        hurried = clock.monotonic() - began < HURRIED_MS ? hurried + 1 : 0
        if (hurried >= MAX_HURRIED_ROUNDS) await sleep(clock, BREATH_MS, signal).catch(() => {})
      } catch (error) {
        if (signal.aborted) return
        const waitMs = await this.#report(error, signal)
        await sleep(clock, waitMs, signal).catch(() => {})
      }
    }
  }

  /** Receiving works. */
  connected(): void {
    this.#options.onStatus({ state: 'connected', problem: null })
  }

  /** Receiving has worked long enough for the back-off to start over. */
  recovered(): void {
    this.#failures.clear()
  }

  /** @returns how long to wait, in milliseconds */
  async #report(error: unknown, signal: AbortSignal): Promise<number> {
    const { channel, log, random, onStatus } = this.#options
    const first = this.#failures.size === 0
    const { state, problem, backoff } = await this.#troubleOf(error, signal)
    const policy = backoffFor(error, backoff ?? (state === 'failed' ? OPERATOR_RETRY : RETRY))
    const failures = (this.#failures.get(policy) ?? 0) + 1
    this.#failures.set(policy, failures)
    const waitMs = retryAfterOf(error) ?? backoffDelay(failures, policy, random())
    onStatus({ state, problem })
    // One warning per outage, not one per attempt.
    if (first) log.warn({ channel }, problem)
    else log.debug({ channel, failures, waitMs }, problem)
    return waitMs
  }

  async #troubleOf(error: unknown, signal: AbortSignal): Promise<Trouble> {
    if (error instanceof Interrupted) return error.trouble
    if (isStoreTrouble(error)) {
      return { state: 'retrying', problem: `what arrives cannot be stored; ${this.#options.kept}` }
    }
    const trouble = await this.#options.troubleOf(error, signal)
    return trouble ?? { state: 'retrying', problem: `what arrives cannot be taken in: ${messageOf(error)}` }
  }
}

/** Failures of a batch, other than the store's own, before its items are stored one by one. */
export const STORE_TRIES = 3

/** What came in one answer, and how it is stored. Each function resolves when that is durable. */
export interface Batch<Item> {
  readonly items: readonly Item[]
  /** All of it, in one transaction. */
  readonly store: () => Promise<void>
  readonly storeOne: (item: Item) => Promise<void>
  /** Parks an item that cannot be stored or handled, because of `error`. */
  readonly park: (item: Item, error: unknown) => Promise<void>
  /** Stores what remains after the items were stored one by one. */
  readonly finish?: () => Promise<void>
}

export interface BatchStorageOptions<Item> {
  readonly channel: string
  readonly log: Log
  /** Names an item in the log. */
  readonly describe: (item: Item) => object
}

/** Stores batches so that one item that cannot be handled does not block all others. */
export class BatchStorage<Item> {
  readonly #options: BatchStorageOptions<Item>
  #failures = 0

  constructor(options: BatchStorageOptions<Item>) {
    this.#options = options
  }

  /** @throws what storing throws: the same batch must be stored again then */
  async store(batch: Batch<Item>): Promise<void> {
    try {
      await this.#storeAll(batch)
      this.#failures = 0
    } catch (error) {
      if (!isStoreTrouble(error)) this.#failures++
      throw error
    }
  }

  async #storeAll(batch: Batch<Item>): Promise<void> {
    if (this.#failures >= STORE_TRIES) return this.#oneByOne(batch)
    try {
      await batch.store()
    } catch (error) {
      // It can never pass: nobody waits for further tries.
      if (!(error instanceof RowRefused)) throw error
      await this.#oneByOne(batch)
    }
  }

  async #oneByOne({ items, storeOne, park, finish }: Batch<Item>): Promise<void> {
    const { channel, log, describe } = this.#options
    for (const item of items) {
      try {
        await storeOne(item)
      } catch (error) {
        if (!this.#isGivenUp(error)) throw error
        await park(item, error)
        const problem = `what arrived could not be stored or handled: ${messageOf(error)}`
        log.error({ channel, ...describe(item) }, problem)
      }
    }
    await finish?.()
  }

  #isGivenUp(error: unknown): boolean {
    return error instanceof RowRefused || (this.#failures >= STORE_TRIES && !isStoreTrouble(error))
  }
}
