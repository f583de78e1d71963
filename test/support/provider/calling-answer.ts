import type { ModelAnswer, ToolCall } from '../../../src/conversation/model.ts'
import { plainAnswer } from './plain-answer.ts'

/** An answer that says `text` and calls tools, with what a second writing of its blocks would change. */
export function callingAnswer(
  text: string,
  calls: readonly ToolCall[],
  more: Partial<ModelAnswer> = {},
): ModelAnswer {
  const blocks = [
    '{"type":"thinking","thinking":"","signature":"s","10":1,"9":12345678901234567890}',
    ...(text === '' ? [] : [JSON.stringify({ type: 'text', text })]),
    ...calls.map(
      ({ id, name, input }) => `{"type":"tool_use","id":"${id}","name":"${name}","input":${inputOf(input)}}`,
    ),
  ]
  const content = `[${blocks.join(',')}]`
  return plainAnswer(text, 'claude-test', { content, isPlain: false, calls, stopReason: 'tool_use', ...more })
}

export function call(id: string, name: string, input = '{}'): ToolCall {
  return { id, name, input }
}

/** As the adapter writes an input that was cut. */
function inputOf(input: string): string {
  try {
    JSON.parse(input)
    return input
  } catch {
    return '{}'
  }
}
