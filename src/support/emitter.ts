/** Calls its listeners with each event. A listener that throws harms neither the others nor the caller of `emit`. */
export class Emitter<Event = void> {
  readonly #listeners = new Set<(event: Event) => void>()
  readonly #onProblem: (error: unknown) => void

  /** @param onProblem is given what a listener throws */
  constructor(onProblem: (error: unknown) => void) {
    this.#onProblem = onProblem
  }

  /** The number of listeners. */
  get size(): number {
    return this.#listeners.size
  }

  subscribe(listener: (event: Event) => void): Disposable {
    this.#listeners.add(listener)
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) }
  }

  /** Removes all listeners. */
  clear(): void {
    this.#listeners.clear()
  }

  emit(event: Event): void {
    for (const listener of this.#listeners) {
      try {
        listener(event)
      } catch (error) {
        this.#onProblem(error)
      }
    }
  }
}
