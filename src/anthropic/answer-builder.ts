import { CACHE_MISSES, type CacheMiss, type ModelAnswer, type StopReason } from '../conversation/model.ts'
import { sumOfUsages, type TurnCost, type Usage } from '../inbox/lease.ts'
import { TransientError } from '../support/errors.ts'
import { AnswerContent, BrokenBlock, type Fields } from './answer-content.ts'

/**
 * The most that one figure of a request can be. Far above every context window, and small enough that
 * sums over millions of answers stay exact.
 */
const MAX_TOKENS_COUNTED = 1_000_000_000
/** What a later request names an answer by, or the place where code has run. */
const ID = /^[\w-]{1,200}$/
/** A model's name is shown and stored with each answer. */
const MODEL_NAME = /^[^\p{C}]{1,200}$/u
/** UTF-8 takes no more for one character. */
const BYTES_PER_CHARACTER = 4
/** A token is a word's part or a word, seldom more. */
const CHARACTERS_PER_TOKEN = 4
/** Below it no bound is worth a wrong guess about tokens. */
const LEAST_TEXT_BYTES = 1024 * 1024

const NO_USAGE: Usage = { inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheWriteTokens: 0 }
/** The figures that the end of an answer may correct. */
const FINAL_FIGURES = [
  ['inputTokens', 'input_tokens'],
  ['cacheReadTokens', 'cache_read_input_tokens'],
  ['cacheWriteTokens', 'cache_creation_input_tokens'],
] as const

/** What the provider's reasons mean here. A reason that is not listed ends an answer like any other. */
const STOP_REASONS: Readonly<Record<string, StopReason>> = {
  end_turn: 'end_turn',
  stop_sequence: 'end_turn',
  tool_use: 'tool_use',
  max_tokens: 'max_tokens',
  model_context_window_exceeded: 'context_full',
  // Between calls of the provider's own tools.
  pause_turn: 'paused',
  refusal: 'refusal',
  // The one block of the answer replaces the messages.
  compaction: 'end_turn',
}

export interface AnswerTerms {
  /** The model that was asked for: the answer's own name of it may be missing. */
  readonly model: string
  readonly maxTokens: number
  /** See `TurnCost.isSubscription`. */
  readonly isSubscription?: boolean
  /** The part of the answer before this one, which the provider has paused. */
  readonly before?: { readonly text: string; readonly endsInText: boolean } | null
}

/**
 * Puts the events of a stream together to an answer. They are read here and nowhere else, and whatever
 * the other side sends, the answer has our own types: a figure that cannot be one is 0 and costs nobody
 * the text; only a text that is none, or a block that could not be sent back, breaks the answer.
 */
export class AnswerBuilder {
  readonly #maxBytes: number
  readonly #content = new AnswerContent()
  readonly #before: string
  #text = ''
  #bytes = 0
  /** The next text begins a paragraph: another block was before it. */
  #begins: boolean
  #model: string
  #stopReason: StopReason = 'end_turn'
  #unknownReason: string | null = null
  #usage: Usage = NO_USAGE
  /** What compacting has cost, which the other figures leave out. */
  #compaction: Usage | null = null
  #container: string | null = null
  #dropped = 0
  #responseId: string | null = null
  #cacheMiss: CacheMiss | null = null
  #complete = false
  #full = false
  #begun = false
  readonly #payer: Pick<TurnCost, 'isSubscription'>

  constructor({ model, maxTokens, before, isSubscription }: AnswerTerms) {
    this.#model = model
    this.#payer = isSubscription ? { isSubscription } : {}
    this.#maxBytes = Math.max(maxTokens * CHARACTERS_PER_TOKEN * BYTES_PER_CHARACTER, LEAST_TEXT_BYTES)
    this.#before = before?.text ?? ''
    this.#begins = this.#before !== '' && before?.endsInText === false
  }

  /** The answer has all that it will have. */
  get complete(): boolean {
    return this.#complete
  }

  /** The provider works on it, which has to be paid. */
  get hasBegun(): boolean {
    return this.#begun
  }

  /** It is longer than an answer can be, so the rest is not read. */
  get full(): boolean {
    return this.#full
  }

  /** Why it ended, in the provider's words, where they are not known here. */
  get unknownReason(): string | null {
    return this.#unknownReason
  }

  /** What has been paid for so far, as far as the provider has said it. */
  get #paid(): Usage {
    return this.#compaction === null ? this.#usage : sumOfUsages([this.#usage, this.#compaction])
  }

  /** It was paused for tools of the provider's, and a request that ends with it continues it. */
  get canContinue(): boolean {
    return this.#stopReason === 'paused' && this.#content.hasServerCalls
  }

  /** A call of the provider's tools has no result. */
  get hasOpenCall(): boolean {
    return this.#content.hasOpenCall
  }

  get endsInText(): boolean {
    return this.#content.endsInText
  }

  /**
   * @returns the text that this event adds
   * @throws TransientError for what is no event
   */
  add(event: unknown): string {
    if (!isRecord(event) || typeof event['type'] !== 'string') throw broken('an event without a type')
    switch (event['type']) {
      case 'content_block_start':
        return this.#open(recordOf(event['content_block']))
      case 'content_block_delta':
        return this.#add(recordOf(event['delta']))
      case 'message_start':
        this.#begin(recordOf(event['message']))
        return ''
      case 'message_delta':
        this.#end(recordOf(event['delta']), recordOf(event['usage']))
        return ''
      case 'message_stop':
        this.#finish()
        return ''
      default:
        return ''
    }
  }

  /** What was paid for an answer without an end: what the provider has said, and the text that it has sent. */
  costSoFar(modelMs: number): TurnCost {
    const written = Math.ceil(this.#text.length / CHARACTERS_PER_TOKEN)
    const paid = this.#paid
    const outputTokens = Math.max(paid.outputTokens, written)
    // Without the one, the other says nothing: then the answer has not been counted.
    const usage = isCounted(paid) ? { ...paid, outputTokens } : paid
    return { model: this.#model, usage, modelMs, ...this.#payer }
  }

  build(modelMs: number): ModelAnswer {
    const text = this.#text
    const content = this.#content
    return {
      text,
      // Most answers are one text, which nobody needs in another form.
      get content() {
        return content.toJson(text)
      },
      isPlain: content.isPlain,
      calls: content.calls,
      container: this.#container,
      model: this.#model,
      usage: this.#paid,
      stopReason: this.#stopReason,
      modelMs,
      ...this.#payer,
      ...(this.#dropped > 0 ? { droppedThinking: this.#dropped } : {}),
      ...(this.#responseId === null ? {} : { responseId: this.#responseId }),
      ...(this.#cacheMiss === null ? {} : { cacheMiss: this.#cacheMiss }),
    }
  }

  #open(block: Fields): string {
    const { type } = block
    // Of no kind at all: what is added to it has no place.
    if (typeof type !== 'string') return ''
    guard(() => this.#content.open(type, block, this.#text.length))
    if (type === 'text') return this.#append(block['text'] ?? '')
    if (this.#text !== '') this.#begins = true
    this.#checkLength()
    return ''
  }

  #add(delta: Fields): string {
    if (delta['type'] === 'text_delta') {
      if (!this.#content.endsInText) this.#content.open('text', { type: 'text', text: '' }, this.#text.length)
      return this.#append(delta['text'])
    }
    guard(() => this.#content.add(delta))
    this.#checkLength()
    return ''
  }

  #append(text: unknown): string {
    if (typeof text !== 'string') throw broken('a text that is none')
    if (text === '') return ''
    this.#bytes += Buffer.byteLength(text)
    if (this.#bytes > this.#maxBytes) {
      // More than the tokens that were asked for can be: its sender does not stop.
      this.#cut()
      return ''
    }
    const gap = this.#begins ? this.#gap(text) : ''
    this.#text += gap
    if (this.#begins) this.#content.beginText(this.#text.length)
    this.#begins = false
    this.#text += text
    this.#content.extendText(this.#text.length)
    return gap + text
  }

  /** Between what was said before a call and what is said after it. */
  #gap(next: string): string {
    const last = this.#text === '' ? this.#before : this.#text
    return last.endsWith('\n') || next.startsWith('\n') ? '' : '\n\n'
  }

  #checkLength(): void {
    if (this.#content.isFull) this.#cut()
  }

  #cut(): void {
    this.#content.cut()
    this.#stopReason = 'max_tokens'
    this.#complete = this.#full = true
  }

  #begin(message: Fields): void {
    const { model, id, diagnostics } = message
    this.#begun = true
    if (typeof id === 'string' && ID.test(id)) this.#responseId = id
    this.#cacheMiss = cacheMissOf(recordOf(diagnostics)['cache_miss_reason'])
    if (typeof model === 'string' && MODEL_NAME.test(model)) this.#model = model
    const usage = recordOf(message['usage'])
    this.#usage = usageOf(usage)
    this.#noteContainer(message['container'])
    const changes = message['input_transformations']
    if (Array.isArray(changes)) {
      this.#dropped = changes.filter((change) => recordOf(change)['type'] === 'thinking_dropped').length
    }
  }

  #end(delta: Fields, usage: Fields): void {
    const reason = delta['stop_reason']
    const known = typeof reason === 'string' && Object.hasOwn(STOP_REASONS, reason)
    if (known) this.#stopReason = STOP_REASONS[reason]!
    else if (reason !== null && reason !== undefined) this.#unknownReason = String(JSON.stringify(reason))
    this.#noteContainer(delta['container'])
    // What the provider's tools have read is known at the end alone.
    const final: { -readonly [Name in keyof Usage]?: number } = {}
    for (const [name, key] of FINAL_FIGURES) {
      if (typeof usage[key] === 'number') final[name] = countOf(usage[key])
    }
    if ('output_tokens' in usage) final.outputTokens = countOf(usage['output_tokens'])
    this.#usage = { ...this.#usage, ...final, ...furtherFigures(usage) }
    const parts = usage['iterations']
    if (Array.isArray(parts)) this.#compaction = compactionUsage(parts)
  }

  #finish(): void {
    this.#complete = true
    if (this.#stopReason !== 'tool_use' || this.#content.calls.length > 0) return
    this.#stopReason = 'end_turn'
    this.#unknownReason = '"tool_use"'
  }

  #noteContainer(container: unknown): void {
    const { id } = recordOf(container)
    if (typeof id === 'string' && ID.test(id)) this.#container = id
  }
}

function usageOf(usage: Fields): Usage {
  return {
    inputTokens: countOf(usage['input_tokens']),
    outputTokens: countOf(usage['output_tokens']),
    cacheReadTokens: countOf(usage['cache_read_input_tokens']),
    cacheWriteTokens: countOf(usage['cache_creation_input_tokens']),
    ...furtherFigures(usage),
  }
}

/** @param iterations `usage.iterations` of an answer */
function compactionUsage(iterations: readonly unknown[]): Usage {
  const parts = iterations.map(recordOf).filter(({ type }) => type === 'compaction')
  return sumOfUsages([NO_USAGE, ...parts.map(usageOf)])
}

/** @throws TransientError for a block that could not be sent back */
function guard(read: () => void): void {
  try {
    read()
  } catch (error) {
    throw error instanceof BrokenBlock ? broken(error.message) : error
  }
}

function broken(what: string): TransientError {
  return new TransientError(`the provider sent ${what}`, null, 'provider')
}

/** null = nothing was missed, or it is not known yet. */
function cacheMissOf(value: unknown): CacheMiss | null {
  const { type, cache_missed_input_tokens: tokens } = recordOf(value)
  if (typeof type !== 'string') return null
  return {
    reason: CACHE_MISSES.find((reason) => reason === type) ?? 'other',
    tokens: typeof tokens === 'number' ? countOf(tokens) : null,
  }
}

/** What of the cache is kept for an hour, and the searches of the provider; nothing where there are none. */
function furtherFigures(usage: Fields): Pick<Usage, 'cacheWrite1hTokens' | 'webSearches'> {
  const cacheWrite1hTokens = countOf(recordOf(usage['cache_creation'])['ephemeral_1h_input_tokens'])
  const webSearches = countOf(recordOf(usage['server_tool_use'])['web_search_requests'])
  return {
    ...(cacheWrite1hTokens > 0 ? { cacheWrite1hTokens } : {}),
    ...(webSearches > 0 ? { webSearches } : {}),
  }
}

function isCounted(usage: Usage): boolean {
  return Object.values(usage).some((tokens) => tokens > 0)
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
