/** A piece of work that must not run together with another one of the same key. */
export interface Keyed {
  /** Conversations, streams, items: what it is about. */
  readonly keys: readonly string[]
  /** It shares its transaction with no other. */
  readonly alone: boolean
}

/**
 * Steps in the order in which they were asked for, of which those run together that concern different things.
 * A step that comes before another one about the same thing also runs before it; any others may overtake it.
 */
export class StepQueue<S extends Keyed> {
  #waiting: S[] = []
  /** Of the steps that are running. */
  readonly #busy = new Set<string>()

  get size(): number {
    return this.#waiting.length
  }

  add(step: S): void {
    this.#waiting.push(step)
  }

  /** In front of all that wait: it was asked for before them. Its keys stay busy until `end`. */
  addBack(step: S): void {
    this.end(step)
    this.#waiting.unshift(step)
  }

  /**
   * The next steps that may run together, at most `limit`.
   *
   * @param mayRun false: the step and all behind it about the same things have to wait
   */
  next(limit: number, mayRun: (step: S) => boolean): readonly S[] {
    const chosen: S[] = []
    const left: S[] = []
    /** Of steps that have to wait, which nothing about the same thing may overtake. */
    const held = new Set<string>()
    for (const [index, step] of this.#waiting.entries()) {
      if (chosen.length === limit || chosen[0]?.alone) {
        left.push(...this.#waiting.slice(index))
        break
      }
      const fits = !step.alone || chosen.length === 0
      const free = fits && step.keys.every((key) => !this.#busy.has(key) && !held.has(key)) && mayRun(step)
      if (!free) {
        for (const key of step.keys) held.add(key)
        left.push(step)
        continue
      }
      for (const key of step.keys) this.#busy.add(key)
      chosen.push(step)
    }
    this.#waiting = left
    return chosen
  }

  /** The step is over. */
  end(step: S): void {
    for (const key of step.keys) this.#busy.delete(key)
  }
}
