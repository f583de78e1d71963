import { SECOND, type Clock } from '../../../support/clock.ts'
import type { Queryable } from '../connection/database.ts'

/** How long a count of this process is used while other processes write, too. */
const BELIEVED_MS = SECOND

/**
 * How many messages of the whole store wait, for the limit of the hold. Counted at most once a second and
 * updated by our own arrivals, so that holding a message does not cost a count over the whole queue; the
 * limit may be exceeded by what other processes accept within that second.
 */
export class WaitingTotal {
  readonly #clock: Clock
  #value: number | null = null
  #countedAt = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Counts at most `limit`: callers only need to know whether there are that many. */
  async read(tx: Queryable, limit: number): Promise<number> {
    const now = this.#clock.monotonic()
    if (this.#value !== null && now - this.#countedAt < BELIEVED_MS) return this.#value
    const [row] = await tx.query<{ n: number }>(
      `SELECT count(*) AS n FROM (SELECT 1 FROM hermes.messages
         WHERE state <> 'answered' AND state IN ('received', 'held') LIMIT $1) w`,
      [limit],
    )
    this.#countedAt = now
    return (this.#value = row!.n)
  }

  arrived(messages: number): void {
    if (this.#value !== null) this.#value += messages
  }

  /** Invalidates the count after any other change. */
  forget(): void {
    this.#value = null
  }
}
