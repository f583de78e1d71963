/** Rings when there is news; what rang before anybody listened is not lost. */
export class Bell {
  #heard = Promise.withResolvers<void>()
  rung = false

  get heard(): Promise<void> {
    return this.#heard.promise
  }

  ring(): void {
    this.rung = true
    this.#heard.resolve()
  }

  clear(): void {
    if (!this.rung) return
    this.rung = false
    this.#heard = Promise.withResolvers<void>()
  }
}
