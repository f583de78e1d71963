import type { Effort } from '../config/sections/model.ts'
import type { TurnCost, Usage } from '../inbox/lease.ts'
import type { Attachment, ConversationId } from '../inbox/message.ts'
import { HermesError } from '../support/errors.ts'

/** A request to the model: the whole context of one turn. */
export interface ModelRequest {
  /** Who asks, so that failures of one conversation are known as such; never sent. Left out: nobody in particular. */
  readonly conversation?: ConversationId
  /** The epoch of its conversation, and why that has begun; never sent. Left out: the sender keeps the conversation. */
  readonly epoch?: { readonly id: string; readonly reason: string }
  readonly model: string
  readonly maxTokens: number
  /** null or left out: the model's own default. */
  readonly effort?: Effort | null
  /** The system prompt that chats share; null = none. */
  readonly system: string | null
  /** What follows it and belongs to this conversation alone; null or left out: nothing. */
  readonly chatSystem?: string | null
  /** Begins with `user`, or with what the provider has compacted; ends with `user`; roles alternate. */
  readonly messages: readonly ModelMessage[]
  /** What the model may call, in a fixed order. */
  readonly tools?: readonly ToolDefinition[]
  /** Tools that the provider runs, each as the JSON text of its definition; they follow `tools`. */
  readonly serverTools?: readonly string[]
  /** `none`: the tools are offered, because calls of them are in the messages, and none is called. */
  readonly toolChoice?: 'none'
  /** `auto`: the model thinks as much as it finds useful; not every model can. Left out: as it does by default. */
  readonly thinking?: 'auto'
  /** Where code of earlier answers has run. A request with one that is gone is sent again without it. */
  readonly container?: string
  /** The answer ends before any of these. */
  readonly stop?: readonly string[]
  /** What the provider keeps of the prompt for later requests; null or left out: nothing. */
  readonly cache?: PromptCaching | null
  /**
   * `responseId` of the answer to the request that this one begins with: if its prompt was not kept, the answer says
   * why. null: there was none. Left out: nobody asks.
   */
  readonly previousResponse?: string | null
}

export interface PromptCaching {
  readonly ttl: '5m' | '1h'
  /** `system`: nothing of the messages will be sent again. */
  readonly scope: 'system' | 'conversation'
}

export interface ModelMessage extends ModelText {
  readonly role: 'user' | 'assistant'
  /** Texts that stand before the others, each in a block of its own. */
  readonly before?: readonly string[]
  /** Further messages that are answered together with this one, in order. */
  readonly further?: readonly ModelText[]
}

export interface ModelText {
  /** What the gateway says of the message, in a block of its own before it; null or left out: nothing. */
  readonly context?: string | null
  /** The person's words, verbatim. */
  readonly text: string
  readonly attachments: readonly Attachment[]
  /** JSON text of the array of its blocks, sent as it stands instead of text and attachments. */
  readonly blocks?: string
}

export interface ToolDefinition {
  readonly name: string
  readonly description: string
  /** JSON text of a schema of the type `object`. */
  readonly inputSchema: string
}

/** A call of a tool that we run. */
export interface ToolCall {
  readonly id: string
  readonly name: string
  /** JSON text as the model wrote it; no JSON where it was cut. */
  readonly input: string
}

/**
 * Why an answer ends: complete, for calls of tools, at the limit of its length, because the model's context
 * is full, interrupted by the provider, or refused.
 */
export type StopReason = 'end_turn' | 'tool_use' | 'max_tokens' | 'context_full' | 'paused' | 'refusal'

export interface ModelAnswer {
  /** All that is shown: its text blocks joined, a paragraph of its own behind each other block. */
  readonly text: string
  /**
   * JSON text of the array of its blocks, in order and as they came: thinking with its signature, calls of
   * tools, what the provider's tools found. Without what the API refuses to read again: empty text,
   * thinking that was cut. A call whose input was cut has an empty one.
   */
  readonly content: string
  /** `content` is one text block that has `text` and nothing else. */
  readonly isPlain?: boolean
  readonly calls: readonly ToolCall[]
  /** Where its code has run, for later requests; null = none has. */
  readonly container: string | null
  readonly model: string
  /** What was paid for it, without answers that broke off before it. */
  readonly usage: Usage
  /** More where the provider has paused it; left out = 1. */
  readonly requests?: number
  /** See `TurnCost.isSubscription`. */
  readonly isSubscription?: boolean
  /** Blocks of thinking in the request that the provider did not accept; left out: none. */
  readonly droppedThinking?: number
  /** The provider's id of it, for `previousResponse` of the next request; left out: it has given none. */
  readonly responseId?: string
  /** Why what was kept of `previousResponse` could not be used; left out: it could, or nobody knows. */
  readonly cacheMiss?: CacheMiss
  readonly stopReason: StopReason
  /** With how many tokens it was asked for, where that was fewer than the caller had allowed; left out: with those. */
  readonly maxTokens?: number
  /** From the request to the last byte, in milliseconds, without any wait of our own. */
  readonly modelMs: number
}

/** What of a request is other than in the one before it; the last three say nothing of the request itself. */
export const CACHE_MISSES = [
  'model_changed',
  'system_changed',
  'tools_changed',
  'messages_changed',
  'previous_message_not_found',
  'unavailable',
  'other',
] as const

export interface CacheMiss {
  readonly reason: (typeof CACHE_MISSES)[number]
  /** About how many tokens were not read from the cache for it; null = none are known of. */
  readonly tokens: number | null
}

/** What gets an answer while it is written. */
export interface AnswerListener {
  readonly signal: AbortSignal
  readonly onText: (text: string) => void
  /**
   * All text so far is void, and the answer begins again. Left out: an answer that breaks off after text was
   * shown is not asked for again.
   */
  readonly onRestart?: () => void
  /**
   * Called with what an answer has cost that broke off, that the signal ended, or that is of no use because of one of
   * these: as far as the provider has said, and what its text comes to.
   */
  readonly onLost?: (cost: TurnCost) => void
  /** Awaited before the request is sent again after an answer that broke off; what it throws ends the request. */
  readonly beforeRetry?: () => Promise<void>
}

/**
 * Why a working provider rejects one message: too long, not accepted because of what it has compacted earlier, or not
 * accepted for another reason.
 */
export type RefusalReason = 'too-large' | 'compaction' | 'not-accepted'

/** The provider rejected the request; only its sender can change that. */
export class ModelRefusal extends HermesError {
  readonly reason: RefusalReason

  constructor(reason: RefusalReason) {
    super(`the provider does not answer this message: ${reason}`)
    this.reason = reason
  }
}

/** What the provider has made of a conversation's messages. */
export interface Compacted extends TurnCost {
  /** JSON text of the block that replaces them in later requests, byte by byte; null = none could be made. */
  readonly block: string | null
  /** What it says, for other models. */
  readonly text: string
}

/** The model, as a turn uses it. */
export interface Model {
  /**
   * Sends the request, and calls `onText` with each piece of the answer. Recovers a rejected
   * credential, unless `onText` has been called. An answer that breaks off is asked for again, 3 times in
   * all; one that the provider pauses is continued.
   *
   * @throws ModelRefusal | UsageLimited | TransientError | NeedsLogin | NotPermitted | ConfigurationError;
   *   the signal's reason when aborted
   */
  answer(request: ModelRequest, listener: AnswerListener): Promise<ModelAnswer>

  /**
   * Has the provider compact the messages of a request; they end with `assistant`. Its failures concern nobody else.
   * Left out: it cannot.
   *
   * @returns null = the endpoint takes no such request
   * @throws as `answer`
   */
  compact?(
    request: ModelRequest,
    listener: Pick<AnswerListener, 'signal' | 'onLost' | 'beforeRetry'>,
  ): Promise<Compacted | null>
}
