import type { Effort } from '../config/sections/model.ts'
import type { Usage } from '../inbox/lease.ts'
import type { Attachment, ConversationId } from '../inbox/message.ts'
import { HermesError } from '../support/errors.ts'

/** A request to the model: the whole context of one turn. */
export interface ModelRequest {
  /** Who asks, so that failures of one conversation are known as such; never sent. Left out: nobody in particular. */
  readonly conversation?: ConversationId
  readonly model: string
  readonly maxTokens: number
  /** null or left out: the model's own default. */
  readonly effort?: Effort | null
  /** The system prompt that chats share; null = none. */
  readonly system: string | null
  /** What follows it and belongs to this conversation alone; null or left out: nothing. */
  readonly chatSystem?: string | null
  /** Begins with `user`, ends with `user`; roles alternate. */
  readonly messages: readonly ModelMessage[]
  /** The answer ends before any of these. */
  readonly stop?: readonly string[]
  /** What the provider keeps of the prompt for later requests; null or left out: nothing. */
  readonly cache?: PromptCaching | null
}

export interface PromptCaching {
  readonly ttl: '5m' | '1h'
  /** `system`: nothing of the messages will be sent again. */
  readonly scope: 'system' | 'conversation'
}

export interface ModelMessage {
  readonly role: 'user' | 'assistant'
  readonly text: string
  readonly attachments: readonly Attachment[]
}

/**
 * Why an answer ends: complete, at the limit of its length, because the model's context is full, interrupted
 * by the provider, or refused.
 */
export type StopReason = 'end_turn' | 'max_tokens' | 'context_full' | 'paused' | 'refusal'

export interface ModelAnswer {
  readonly text: string
  readonly model: string
  readonly usage: Usage
  readonly stopReason: StopReason
  /** From the request to the last byte, in milliseconds, without any wait of our own. */
  readonly modelMs: number
}

/** Why a working provider rejects one message: too long, or not accepted for another reason. */
export type RefusalReason = 'too-large' | 'not-accepted'

/** The provider rejected the request; only its sender can change that. */
export class ModelRefusal extends HermesError {
  readonly reason: RefusalReason

  constructor(reason: RefusalReason) {
    super(`the provider does not answer this message: ${reason}`)
    this.reason = reason
  }
}

/** The model, as a turn uses it. */
export interface Model {
  /**
   * Sends the request, and calls `onText` with each piece of the answer. Recovers a rejected
   * credential; nothing is repeated once `onText` has been called.
   *
   * @throws ModelRefusal | UsageLimited | TransientError | NeedsLogin | NotPermitted | ConfigurationError;
   *   the signal's reason when aborted
   */
  answer(
    request: ModelRequest,
    options: { readonly signal: AbortSignal; readonly onText: (text: string) => void },
  ): Promise<ModelAnswer>
}
