import { messageOf } from '../../../support/errors.ts'
import type { Log } from '../../../support/log.ts'
import { isStoreTrouble } from '../retry.ts'

/** Failures of a batch, other than the store's own, before its items are stored one by one. */
export const STORE_TRIES = 3

/** What came in one answer, and how it is stored. Each function resolves when that is durable. */
export interface Batch<Item> {
  readonly items: readonly Item[]
  /** All of it, in one transaction. */
  readonly store: () => Promise<void>
  readonly storeOne: (item: Item) => Promise<void>
  /** Stores that an item was skipped. */
  readonly skip?: (item: Item) => Promise<void>
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
      if (this.#failures >= STORE_TRIES) await this.#oneByOne(batch)
      else await batch.store()
      this.#failures = 0
    } catch (error) {
      if (!isStoreTrouble(error)) this.#failures++
      throw error
    }
  }

  async #oneByOne({ items, storeOne, skip, finish }: Batch<Item>): Promise<void> {
    const { channel, log, describe } = this.#options
    for (const item of items) {
      try {
        await storeOne(item)
      } catch (error) {
        if (isStoreTrouble(error)) throw error
        await skip?.(item)
        const problem = `what arrived could not be handled and was passed over: ${messageOf(error)}`
        log.error({ channel, ...describe(item) }, problem)
      }
    }
    await finish?.()
  }
}
