import type { ModelAnswer, StopReason } from '../conversation/model.ts'
import type { Usage } from '../inbox/lease.ts'
import { TransientError } from '../support/errors.ts'

/**
 * The most that one figure of a request can be. Far above every context window, and small enough that
 * sums over millions of answers stay exact.
 */
const MAX_TOKENS_COUNTED = 1_000_000_000
/** A model's name is shown and stored with each answer. */
const MODEL_NAME = /^[^\p{C}]{1,200}$/u
/** UTF-8 takes no more for one character. */
const BYTES_PER_CHARACTER = 4
/** A token is a word's part or a word, seldom more. */
const CHARACTERS_PER_TOKEN = 4
/** Below it no bound is worth a wrong guess about tokens. */
const LEAST_TEXT_BYTES = 1024 * 1024

/** What the provider's reasons mean here. A reason that is not listed ends an answer like any other. */
const STOP_REASONS: Readonly<Record<string, StopReason>> = {
  end_turn: 'end_turn',
  stop_sequence: 'end_turn',
  max_tokens: 'max_tokens',
  model_context_window_exceeded: 'context_full',
  // Between calls of the provider's own tools, of which no request offers one.
  pause_turn: 'paused',
  refusal: 'refusal',
}

export interface AnswerLimits {
  /** The model that was asked for: the answer's own name of it may be missing. */
  readonly model: string
  readonly maxTokens: number
}

/**
 * Puts the events of a stream together to an answer. They are read here and nowhere else, and whatever
 * the other side sends, the answer has our own types: a figure that cannot be one is 0 and costs nobody
 * the text; only a text that is none breaks the answer.
 */
export class AnswerBuilder {
  readonly #maxBytes: number
  #text = ''
  #bytes = 0
  #model: string
  #stopReason: StopReason = 'end_turn'
  #unknownReason: string | null = null
  #usage: Usage = { inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheWriteTokens: 0 }
  #complete = false
  #full = false

  constructor({ model, maxTokens }: AnswerLimits) {
    this.#model = model
    this.#maxBytes = Math.max(maxTokens * CHARACTERS_PER_TOKEN * BYTES_PER_CHARACTER, LEAST_TEXT_BYTES)
  }

  /** The answer has all that it will have. */
  get complete(): boolean {
    return this.#complete
  }

  /** It is longer than an answer can be, so the rest is not read. */
  get full(): boolean {
    return this.#full
  }

  /** Why it ended, in the provider's words, where they are not known here. */
  get unknownReason(): string | null {
    return this.#unknownReason
  }

  /**
   * @returns the text that this event adds
   * @throws TransientError for what is no event
   */
  add(event: unknown): string {
    if (!isRecord(event) || typeof event['type'] !== 'string') throw broken('an event without a type')
    switch (event['type']) {
      case 'content_block_start': {
        const block = event['content_block']
        return isRecord(block) && block['type'] === 'text' ? this.#append(block['text'] ?? '') : ''
      }
      case 'content_block_delta': {
        const delta = event['delta']
        return isRecord(delta) && delta['type'] === 'text_delta' ? this.#append(delta['text']) : ''
      }
      case 'message_start':
        this.#begin(recordOf(event['message']))
        return ''
      case 'message_delta':
        this.#end(recordOf(event['delta']), recordOf(event['usage']))
        return ''
      case 'message_stop':
        this.#complete = true
        return ''
      default:
        return ''
    }
  }

  build(modelMs: number): ModelAnswer {
    return { text: this.#text, model: this.#model, usage: this.#usage, stopReason: this.#stopReason, modelMs }
  }

  #append(text: unknown): string {
    if (typeof text !== 'string') throw broken('a text that is none')
    this.#bytes += Buffer.byteLength(text)
    if (this.#bytes > this.#maxBytes) {
      // More than the tokens that were asked for can be: its sender does not stop.
      this.#stopReason = 'max_tokens'
      this.#complete = this.#full = true
      return ''
    }
    this.#text += text
    return text
  }

  #begin(message: Fields): void {
    const { model } = message
    if (typeof model === 'string' && MODEL_NAME.test(model)) this.#model = model
    const usage = recordOf(message['usage'])
    this.#usage = {
      inputTokens: countOf(usage['input_tokens']),
      outputTokens: countOf(usage['output_tokens']),
      cacheReadTokens: countOf(usage['cache_read_input_tokens']),
      cacheWriteTokens: countOf(usage['cache_creation_input_tokens']),
    }
  }

  #end(delta: Fields, usage: Fields): void {
    const reason = delta['stop_reason']
    const known = typeof reason === 'string' && Object.hasOwn(STOP_REASONS, reason)
    if (known) this.#stopReason = STOP_REASONS[reason]!
    else if (reason !== null && reason !== undefined) this.#unknownReason = String(JSON.stringify(reason))
    if ('output_tokens' in usage) {
      this.#usage = { ...this.#usage, outputTokens: countOf(usage['output_tokens']) }
    }
  }
}

type Fields = Readonly<Record<string, unknown>>

function broken(what: string): TransientError {
  return new TransientError(`the provider sent ${what}`, null, 'provider')
}

/** A figure that only counts: 0 where it is none. */
function countOf(value: unknown): number {
  if (typeof value !== 'number' || Number.isNaN(value)) return 0
  return Math.min(MAX_TOKENS_COUNTED, Math.max(0, Math.trunc(value)))
}

function recordOf(value: unknown): Fields {
  return isRecord(value) ? value : {}
}

function isRecord(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null
}
