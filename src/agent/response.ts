import type { ModelAnswer } from '../conversation/model.ts'
import type { Usage } from '../inbox/lease.ts'
import type { Step } from '../inbox/step.ts'
import { jsonMember } from '../support/text/json-parts.ts'

/** What of a stored response later steps need. */
export interface StoredResponse {
  /** JSON text of the array of its blocks, byte by byte. */
  readonly content: string
  readonly model: string
  readonly usage: Usage
  readonly container: string | null
  readonly responseId: string | null
  /** See `ModelAnswer.modelMs`. */
  readonly modelMs: number
  /** How long the turn had been going on when it came, without outages. */
  readonly elapsedMs: number
}

/** A response as it is stored: its blocks byte by byte, under the names that the API has for what it says of them. */
export function writeResponse(answer: ModelAnswer, elapsedMs: number): string {
  const { inputTokens, outputTokens, cacheReadTokens, cacheWriteTokens } = answer.usage
  const facts = {
    stop_reason: answer.stopReason,
    model: answer.model,
    usage: {
      input_tokens: inputTokens,
      output_tokens: outputTokens,
      cache_read_input_tokens: cacheReadTokens,
      cache_creation_input_tokens: cacheWriteTokens,
    },
    ...(answer.container === null ? {} : { container: answer.container }),
    ...(answer.responseId === undefined ? {} : { id: answer.responseId }),
    model_ms: answer.modelMs,
    elapsed_ms: elapsedMs,
  }
  return `{"content":${answer.content},${JSON.stringify(facts).slice(1)}`
}

export function readResponse({ response }: Step): StoredResponse {
  const facts = JSON.parse(response) as {
    readonly model: string
    readonly usage: Readonly<Record<string, number>>
    readonly container?: string
    readonly id?: string
    readonly model_ms?: number
    readonly elapsed_ms?: number
  }
  return {
    content: jsonMember(response, 'content')!,
    model: facts.model,
    usage: {
      inputTokens: facts.usage['input_tokens'] ?? 0,
      outputTokens: facts.usage['output_tokens'] ?? 0,
      cacheReadTokens: facts.usage['cache_read_input_tokens'] ?? 0,
      cacheWriteTokens: facts.usage['cache_creation_input_tokens'] ?? 0,
    },
    container: facts.container ?? null,
    responseId: facts.id ?? null,
    modelMs: facts.model_ms ?? 0,
    elapsedMs: facts.elapsed_ms ?? 0,
  }
}

interface TextBlock {
  readonly type: 'text'
  readonly text: string
}

/** What a person reads of blocks: their texts, a paragraph of its own behind each other block. */
export function textOf(content: string): string {
  const paragraphs: string[][] = [[]]
  for (const block of JSON.parse(content) as ReadonlyArray<{ readonly type: string }>) {
    if (block.type === 'text') paragraphs.at(-1)!.push((block as TextBlock).text)
    else paragraphs.push([])
  }
  return joinTexts(paragraphs.map((texts) => texts.join('')))
}

/** Texts one below the other; those without a word are left out. A single one stays as it is. */
export function joinTexts(texts: readonly string[]): string {
  const written = texts.filter((text) => text.trim() !== '')
  return written.length === 1 ? written[0]! : written.map((text) => text.trim()).join('\n\n')
}
