import type { RecordedRequest } from '../types.ts'

/** The last requests to the model, bounded. */
export class RequestRecord {
  readonly #kept: number
  #requests: RecordedRequest[] = []

  constructor(kept: number) {
    this.#kept = kept
  }

  get all(): readonly RecordedRequest[] {
    return this.#kept === 0 ? [] : this.#requests.slice(-this.#kept)
  }

  add(request: RecordedRequest): void {
    if (this.#kept === 0) return
    this.#requests.push(request)
    // Cut rarely: moving the array for each request would cost more than the request.
    if (this.#requests.length >= 2 * this.#kept) this.#requests = this.#requests.slice(-this.#kept)
  }
}
