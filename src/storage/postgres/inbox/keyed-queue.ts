/**
 * Runs calls that share a key one after the other, in the order in which they were made; the others
 * run in parallel. Within this process only: between processes the locks of the database decide.
 */
export class KeyedQueue {
  readonly #tails = new Map<string, Promise<void>>()

  run<T>(keys: Iterable<string>, work: () => Promise<T>): Promise<T> {
    const names = new Set(keys)
    const before = [...names].flatMap((name) => this.#tails.get(name) ?? [])
    const result = before.length === 0 ? work() : Promise.all(before).then(work)
    const tail = result.then(ignore, ignore)
    for (const name of names) this.#tails.set(name, tail)
    void this.#leave(names, tail)
    return result
  }

  async #leave(names: ReadonlySet<string>, tail: Promise<void>): Promise<void> {
    await tail
    for (const name of names) if (this.#tails.get(name) === tail) this.#tails.delete(name)
  }
}

function ignore(): void {}
