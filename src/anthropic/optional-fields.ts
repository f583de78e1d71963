import { remember } from '../support/remember.ts'

/** More than any endpoint has; a name that somebody makes up must not fill the memory. */
const MAX_REFUSALS = 1_000

export interface OptionalFieldsOptions<Name extends string> {
  /** Whether a request may have failed with `error` because of one of the fields. */
  readonly mayBeRefused: (error: unknown) => boolean
  /** Called once for each model and field. */
  readonly onRefused: (model: string, field: Name) => void
}

/**
 * Fields of a request that some endpoints refuse, such as proxies of an older API. One counts as refused only
 * when the same request succeeds without it. An endpoint may pass its models on to different places, so this is
 * found for each of them, and remembered as long as the process lives.
 */
export class OptionalFields<Name extends string> {
  readonly #options: OptionalFieldsOptions<Name>
  readonly #refused = new Map<string, true>()

  constructor(options: OptionalFieldsOptions<Name>) {
    this.#options = options
  }

  /**
   * Sends a request with those of `names` that are not known to be refused. Where it may be refused for one of
   * them, it is sent again with one less each time, the first of them first: what succeeds names the last one
   * that was left out. Those before it may be accepted, and are sent with the next request.
   *
   * @throws what `send` throws; where every way may be refused, what the first one threw
   */
  async send<T>(
    model: string,
    names: readonly Name[],
    send: (fields: ReadonlySet<Name>) => Promise<T>,
  ): Promise<T> {
    const { mayBeRefused, onRefused } = this.#options
    const fields = names.filter((name) => !this.#refused.has(`${name} ${model}`))
    let first: { readonly error: unknown } | null = null
    for (let left = 0; ; left++) {
      try {
        const answer = await send(new Set(fields.slice(left)))
        if (left === 0) return answer
        const refused = fields[left - 1]!
        remember(this.#refused, `${refused} ${model}`, true, MAX_REFUSALS)
        onRefused(model, refused)
        return answer
      } catch (error) {
        // A connection that broke, for example, says nothing about the request.
        if (!mayBeRefused(error)) throw error
        first ??= { error }
        if (left === fields.length) throw first.error
      }
    }
  }
}
