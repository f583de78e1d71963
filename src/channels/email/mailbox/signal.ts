/** Says that there is news; what was set before anybody waited is not lost. */
export class Signal {
  #pending = Promise.withResolvers<void>()
  isSet = false

  set(): void {
    this.isSet = true
    this.#pending.resolve()
  }

  clear(): void {
    if (!this.isSet) return
    this.isSet = false
    this.#pending = Promise.withResolvers<void>()
  }

  /** Resolves as soon as it is set. */
  wait(): Promise<void> {
    return this.#pending.promise
  }
}
