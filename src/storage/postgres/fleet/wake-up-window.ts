import type { WakeUpQueue } from './wake-up-queue.ts'

/**
 * Jobs that wait to be fetched, at most, but for a few. The engine reads one of every waiting conversation
 * for each fetch: 500 of them take 3 to 4 ms, 50,000 take half a second. Others wait in our own tables.
 */
const WINDOW = 250

/**
 * How much room is left in the shared queue. An estimate by what this process sent, measured again before it is
 * believed that there is none: other processes send and fetch, too.
 */
export class WakeUpWindow {
  readonly #queue: Pick<WakeUpQueue, 'due'>
  #estimate = 0
  #isFull = false
  #measuring = false

  constructor(queue: Pick<WakeUpQueue, 'due'>) {
    this.#queue = queue
  }

  get isFull(): boolean {
    return this.#isFull
  }

  /** This process is about to send so many. */
  sent(wakeUps: number): void {
    this.#estimate += wakeUps
    if (this.#estimate < WINDOW || this.#measuring) return
    this.#measuring = true
    const over = () => (this.#measuring = false)
    // Until then a few too many are sent; a failure is noticed by everything else that reads.
    void this.measure().then(over, over)
  }

  /** @returns how many more may be sent @throws StoreError */
  async measure(): Promise<number> {
    this.#estimate = await this.#queue.due(WINDOW)
    this.#isFull = this.#estimate >= WINDOW
    return WINDOW - this.#estimate
  }
}
