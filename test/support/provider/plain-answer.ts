import type { ModelAnswer } from '../../../src/conversation/model.ts'

/** The answer of a model that says one text, in no time. */
export function plainAnswer(text: string, model: string, more: Partial<ModelAnswer> = {}): ModelAnswer {
  return {
    text,
    content: JSON.stringify([{ type: 'text', text }]),
    isPlain: true,
    calls: [],
    container: null,
    model,
    usage: { inputTokens: 10, outputTokens: 5, cacheReadTokens: 0, cacheWriteTokens: 0 },
    stopReason: 'end_turn',
    modelMs: 1,
    ...more,
  }
}
