import type { Spent, Unstored, Usage } from '../../../src/inbox/lease.ts'

/** What the model's provider charges, and what the store has booked of it: each request once. */
export class StepsBill {
  /** By the number of the request, the process that asked. */
  readonly #charged = new Map<number, number>()
  /** By the number of the request, the lease in whose name it was booked. */
  readonly #booked = new Map<number, number>()
  readonly #onWrong: (wrong: string) => void

  constructor(onWrong: (wrong: string) => void) {
    this.#onWrong = onWrong
  }

  /** @returns a usage by which the request is known again */
  charge(process: number): Usage {
    const number = this.#charged.size + 1
    this.#charged.set(number, process)
    return { inputTokens: number, outputTokens: 1, cacheReadTokens: 0, cacheWriteTokens: 0 }
  }

  /** @param lease in whose name they come */
  book(lease: number, spent: readonly Spent[]): void {
    for (const { usage } of spent) {
      if (this.#booked.has(usage.inputTokens)) this.#onWrong(`request ${usage.inputTokens} is booked twice`)
      this.#booked.set(usage.inputTokens, lease)
    }
  }

  /** The turn of this process is over, or goes back to its queue: all that it was charged is booked now. */
  end(process: number, lease: number, { spent = [], storedBefore }: Unstored): void {
    const booked = [...this.#booked.values()].filter((by) => by === lease).length
    this.book(lease, storedBefore === undefined ? spent : spent.slice(booked - storedBefore))
    for (const [number, by] of this.#charged)
      if (by === process && !this.#booked.has(number)) this.#onWrong(`request ${number} is not booked`)
  }
}
