import type { Lease } from '../lease.ts'
import { Interruption } from './outcome.ts'

/** A turn of this process, from the request for its lease to its stored outcome. */
export class RunningTurn {
  readonly #controller = new AbortController()
  #lease: Lease | null = null
  /** Something came while the lease was being acquired, so that the order of the two is unknown. */
  #isOutdated = false
  /** Something of its answer is out. */
  #isFrozen = false

  /** Aborted with an `Interruption`. */
  get signal(): AbortSignal {
    return this.#controller.signal
  }

  get isAnswering(): boolean {
    return this.#lease !== null
  }

  /**
   * Its lease was granted. What came in the meantime returns it: after a stop, the messages it meant stay withdrawn,
   * because their lease has ended; later messages, and one that belongs to the turn, get a new lease.
   */
  begin(lease: Lease): void {
    this.#lease = lease
    if (this.#isOutdated) this.interrupt('returned')
  }

  interrupt(kind: Interruption['kind']): void {
    this.#controller.abort(new Interruption(kind))
  }

  stop(): void {
    if (this.#lease) this.interrupt('stopped')
    else this.#isOutdated = true
  }

  /** A message came that belongs to it: where nothing of the answer is out yet, it begins again with both. */
  join(): void {
    if (!this.#lease) this.#isOutdated = true
    else if (!this.#isFrozen) this.interrupt('joined')
  }

  /** See `AnswerTurn`. */
  freeze(): boolean {
    this.#isFrozen ||= !this.signal.aborted
    return !this.signal.aborted
  }
}
