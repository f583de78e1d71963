import { DAY } from '../../../support/clock.ts'
import { compareTs, msOf, parseAddress } from '../address.ts'

/** Threads that rested longer are not asked for after a downtime. */
export const THREAD_AGE_MS = 7 * DAY
/** Each thread costs a request after every reconnect; Slack allows some fifty a minute. */
export const THREADS_READ = 100

/** The threads that the bot has a part in, and which of them are worth asking for after a gap. */
export class Threads {
  /** The newest message of each. */
  readonly #last = new Map<string, string>()
  #recent: ReadonlySet<string> | null = null

  has(address: string): boolean {
    return this.#last.has(address)
  }

  /** Something happened in the thread at `ts`. */
  note(address: string, ts: string): void {
    const known = this.#last.get(address)
    if (known !== undefined && compareTs(ts, known) <= 0) return
    this.#last.set(address, ts)
    this.#recent = null
  }

  /** Is the thread among the newest, as of `now` (epoch milliseconds)? */
  isRecent(address: string, now: number): boolean {
    this.#recent ??= new Set(
      [...this.#last]
        .toSorted(([, a], [, b]) => compareTs(b, a))
        .slice(0, THREADS_READ)
        .map(([name]) => name),
    )
    const last = this.#last.get(address)
    return last !== undefined && this.#recent.has(address) && now - msOf(last) <= THREAD_AGE_MS
  }
}

/** Is it the name of a conversation's or thread's cursor, and not another of this channel's? */
export function isPlace(name: string): boolean {
  return parseAddress(name) !== null
}
