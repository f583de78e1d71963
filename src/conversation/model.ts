import type { Usage } from '../inbox/lease.ts'
import type { Attachment } from '../inbox/message.ts'

/** What the model is asked: the whole context of one turn. */
export interface ModelRequest {
  readonly model: string
  readonly maxTokens: number
  readonly system: string | null
  /** Begins with `user`, ends with `user`; roles alternate. */
  readonly messages: readonly ModelMessage[]
  /** The answer ends before any of these. */
  readonly stop?: readonly string[]
}

export interface ModelMessage {
  readonly role: 'user' | 'assistant'
  readonly text: string
  readonly attachments: readonly Attachment[]
}

export interface ModelAnswer {
  readonly text: string
  readonly model: string
  readonly usage: Usage
  /** `max_tokens`, `end_turn`, `refusal` and so on, in the provider's words. */
  readonly stopReason: string | null
  /** From the request to the last byte, in milliseconds, without any wait of our own. */
  readonly modelMs: number
}

/** The model, as a turn knows it. */
export interface Model {
  /**
   * Asks, and calls `onText` with each piece of the answer as it comes. Mends its own
   * credential; nothing is repeated once `onText` has been called.
   *
   * @throws Refused | UsageLimited | TransientError | NeedsLogin | NotPermitted | ConfigurationError;
   *   the signal's reason when aborted
   */
  answer(
    request: ModelRequest,
    options: { readonly signal: AbortSignal; readonly onText: (text: string) => void },
  ): Promise<ModelAnswer>

  /** The tokens that the model takes, in all. */
  contextTokens(model: string): number
}
