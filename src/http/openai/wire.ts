import type { Usage } from '../../inbox/lease.ts'

/**
 * Responses in the exact format of the protocol.
 *
 * @see https://platform.openai.com/docs/api-reference/chat/object
 * @see https://platform.openai.com/docs/api-reference/chat/streaming
 */

/** What all pieces of one answer have in common. */
export interface Head {
  readonly id: string
  /** Epoch seconds. */
  readonly created: number
  readonly model: string
}

export interface CompletedAnswer {
  readonly text: string
  /** It ended at the length limit. */
  readonly cut: boolean
  readonly usage: Usage | null
}

export function completion(head: Head, { text, cut, usage }: CompletedAnswer): object {
  return {
    id: head.id,
    object: 'chat.completion',
    created: head.created,
    model: head.model,
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content: text, refusal: null },
        logprobs: null,
        finish_reason: finishReason(cut),
      },
    ],
    usage: usageOf(usage),
  }
}

/** The frames of one streamed answer, in the order in which they are sent. */
export class ChunkWriter {
  readonly #head: Head
  readonly #includeUsage: boolean

  constructor(head: Head, includeUsage: boolean) {
    this.#head = head
    this.#includeUsage = includeUsage
  }

  begin(): string {
    return this.#chunk({ role: 'assistant', content: '', refusal: null }, null)
  }

  text(text: string): string {
    return this.#chunk({ content: text }, null)
  }

  end({ cut, usage }: CompletedAnswer): string {
    const last = this.#chunk({}, finishReason(cut))
    const cost = this.#includeUsage ? this.#frame({ choices: [], usage: usageOf(usage) }) : ''
    return `${last}${cost}data: [DONE]\n\n`
  }

  #chunk(delta: object, finish: string | null): string {
    return this.#frame({
      choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }],
      // Clients that asked for usage expect the field in every chunk.
      ...(this.#includeUsage ? { usage: null } : {}),
    })
  }

  #frame(rest: object): string {
    const { id, created, model } = this.#head
    return dataFrame({ id, object: 'chat.completion.chunk', created, model, ...rest })
  }
}

export function dataFrame(data: object): string {
  return `data: ${JSON.stringify(data)}\n\n`
}

export function modelItem(id: string, created: number): object {
  return { id, object: 'model', created, owned_by: 'anthropic' }
}

function finishReason(cut: boolean): string {
  return cut ? 'length' : 'stop'
}

function usageOf(usage: Usage | null): object {
  const { inputTokens, outputTokens, cacheReadTokens, cacheWriteTokens } = usage ?? NO_USAGE
  const prompt = inputTokens + cacheReadTokens + cacheWriteTokens
  return {
    prompt_tokens: prompt,
    completion_tokens: outputTokens,
    total_tokens: prompt + outputTokens,
    prompt_tokens_details: { cached_tokens: cacheReadTokens },
  }
}

const NO_USAGE: Usage = { inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheWriteTokens: 0 }
