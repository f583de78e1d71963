/** Bytes that are held at the same time, bounded for each client and for all together. */
export class ByteBudget {
  readonly #total: number
  readonly #each: number
  readonly #held = new Map<string, number>()
  #sum = 0

  constructor(limits: { readonly total: number; readonly each: number }) {
    this.#total = limits.total
    this.#each = limits.each
  }

  /** Counts `bytes` as held by `client`. False: there is no room, and nothing was counted. */
  reserve(client: string, bytes: number): boolean {
    const held = (this.#held.get(client) ?? 0) + bytes
    if (held > this.#each || this.#sum + bytes > this.#total) return false
    this.#held.set(client, held)
    this.#sum += bytes
    return true
  }

  release(client: string, bytes: number): void {
    const held = (this.#held.get(client) ?? 0) - bytes
    if (held > 0) this.#held.set(client, held)
    else this.#held.delete(client)
    this.#sum -= bytes
  }
}
