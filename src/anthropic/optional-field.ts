import { remember } from '../support/remember.ts'

/** More than any endpoint has; a name that somebody makes up must not fill the memory. */
const MAX_MODELS = 1_000

export interface OptionalFieldOptions {
  /** Whether a request may have failed with `error` because of the field. */
  readonly mayBeRefused: (error: unknown) => boolean
  /** Called once for each model. */
  readonly onRefused: (model: string) => void
}

/**
 * A field of a request that some endpoints refuse, such as proxies of an older API. It counts as refused only
 * when the same request succeeds without it. An endpoint may pass its models on to different places, so this is
 * found for each of them, and remembered as long as the process lives.
 */
export class OptionalField {
  readonly #options: OptionalFieldOptions
  readonly #refused = new Map<string, true>()

  constructor(options: OptionalFieldOptions) {
    this.#options = options
  }

  /**
   * Sends a request with the field, or without it where it is refused.
   *
   * @throws what `send` throws; where both ways may be refused, what the first one threw
   */
  async send<T>(model: string, send: (withField: boolean) => Promise<T>): Promise<T> {
    if (this.#refused.has(model)) return send(false)
    let first: unknown
    try {
      return await send(true)
    } catch (error) {
      first = error
    }
    const { mayBeRefused } = this.#options
    if (!mayBeRefused(first)) throw first
    const answer = await send(false).catch((second: unknown): never => {
      // A connection that broke, for example, says nothing about the request.
      throw mayBeRefused(second) ? first : second
    })
    remember(this.#refused, model, true, MAX_MODELS)
    this.#options.onRefused(model)
    return answer
  }
}
