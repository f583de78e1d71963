import { createHash } from 'node:crypto'
import type { ModelRequest } from '../conversation/model.ts'
import { remember } from '../support/remember.ts'

/** Many more than fail at the same time; the oldest is forgotten first. */
const MAX_REMEMBERED = 1_000
/** So many different requests that fail in a row have one cause; to try so many in an outage costs little. */
const FAILURES_OF_PROVIDER = 5

/** Whose failure it is, as far as can be told. */
type FailedPart = 'request' | 'provider' | 'unknown'

/**
 * Separates a request that fails from a provider that fails. Where others were answered while it ran, or
 * since it failed before, nobody else may be held for it; nor before several different ones have failed with
 * none answered in between. Of a conversation all requests are one: each message that is added to it makes another,
 * with what fails still in it.
 */
export class FailingRequests {
  #answered = 0
  /** How many requests had been answered when each of these last failed. */
  readonly #failed = new Map<string, number>()
  /** Those that have failed since the last answer, up to `FAILURES_OF_PROVIDER`. */
  readonly #failedInRow = new Set<string>()

  /** @returns what `failed` needs to know about the moment at which a request is sent */
  begin(): number {
    return this.#answered
  }

  succeeded(request: ModelRequest): void {
    this.#answered++
    this.#failedInRow.clear()
    if (this.#failed.size > 0) this.#failed.delete(sourceOf(request))
  }

  /** @param begun what `begin` returned */
  failed(request: ModelRequest, begun: number): FailedPart {
    const source = sourceOf(request)
    const before = this.#failed.get(source)
    remember(this.#failed, source, this.#answered, MAX_REMEMBERED)
    if (this.#answered > Math.min(begun, before ?? begun)) return 'request'
    if (this.#failedInRow.size < FAILURES_OF_PROVIDER) this.#failedInRow.add(source)
    return this.#failedInRow.size < FAILURES_OF_PROVIDER ? 'unknown' : 'provider'
  }
}

/** The same for the next try of the same turn; who is asked with which credential is no part of it. */
function sourceOf({ conversation, model, messages }: ModelRequest): string {
  if (conversation !== undefined) return conversation
  const hash = createHash('sha256').update(model)
  for (const { role, text, attachments, blocks = '' } of messages) {
    hash.update(`${role} ${text.length} ${text} ${attachments.map(({ bytes }) => bytes.length).join()}`)
    hash.update(blocks)
  }
  return hash.digest('base64')
}
