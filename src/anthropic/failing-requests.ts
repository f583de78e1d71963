import { createHash } from 'node:crypto'
import type { ModelRequest } from '../conversation/model.ts'

/** Many more than fail at the same time; the oldest is forgotten first. */
const MAX_REMEMBERED = 1_000

/**
 * Separates a request that fails from a provider that fails. Where others were answered while it ran, or
 * since it failed before, nobody else may be held for it.
 */
export class FailingRequests {
  #answered = 0
  /** How many requests had been answered when each of these last failed, by the request's digest. */
  readonly #failed = new Map<string, number>()

  /** @returns what `failed` needs to know about the moment at which a request is sent */
  begin(): number {
    return this.#answered
  }

  succeeded(request: ModelRequest): void {
    this.#answered++
    if (this.#failed.size > 0) this.#failed.delete(digestOf(request))
  }

  /**
   * @param begun what `begin` returned
   * @returns true when the failure says nothing about the provider
   */
  failed(request: ModelRequest, begun: number): boolean {
    const digest = digestOf(request)
    const before = this.#failed.get(digest)
    // As the newest of them.
    this.#failed.delete(digest)
    this.#failed.set(digest, this.#answered)
    if (this.#failed.size > MAX_REMEMBERED) this.#failed.delete(this.#failed.keys().next().value!)
    return this.#answered > Math.min(begun, before ?? begun)
  }
}

/** The same for the next try of the same turn; who is asked with which credential is no part of it. */
function digestOf({ model, messages }: ModelRequest): string {
  const hash = createHash('sha256').update(model)
  for (const { role, text, attachments } of messages)
    hash.update(`${role} ${text.length} ${text} ${attachments.map(({ bytes }) => bytes.length).join()}`)
  return hash.digest('base64')
}
