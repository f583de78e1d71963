interface Waiting<Request, Result> {
  readonly request: Request
  readonly resolve: (result: Result) => void
  readonly reject: (error: unknown) => void
}

/** Requests in one statement, at most: bounds how long the first of them waits for the last. */
const MAX_REQUESTS = 256

/**
 * Runs requests of one kind together, each answered as if it were alone. Requests that are made while others run
 * share the next run.
 */
export class Gather<Request, Result> {
  readonly #run: (requests: readonly Request[]) => Promise<readonly Result[]>
  #waiting: Array<Waiting<Request, Result>> = []
  #running = false

  /** @param run returns a result for each request, in their order; what it throws, all of them throw */
  constructor(run: (requests: readonly Request[]) => Promise<readonly Result[]>) {
    this.#run = run
  }

  add(request: Request): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ request, resolve, reject })
      if (this.#running) return
      this.#running = true
      // After the microtasks of this turn, so that everybody who was woken together shares the run.
      setImmediate(() => void this.#runAll())
    })
  }

  async #runAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const some = this.#waiting.splice(0, MAX_REQUESTS)
      try {
        const results = await this.#run(some.map(({ request }) => request))
        for (const [index, { resolve }] of some.entries()) resolve(results[index]!)
      } catch (error) {
        for (const { reject } of some) reject(error)
      }
    }
    this.#running = false
  }
}
