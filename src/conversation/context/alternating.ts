import type { ModelMessage, ModelText } from '../model.ts'

/** Questions that were answered together become one message; every turn ends with its answer. */
export function alternating(messages: readonly ModelMessage[]): ModelMessage[] {
  const result: ModelMessage[] = []
  for (const message of messages) {
    const last = result.at(-1)
    if (last?.role !== message.role || last.blocks !== undefined || message.blocks !== undefined) {
      result.push(message)
      continue
    }
    result[result.length - 1] = joined(last, message)
  }
  return result
}

/** As one text, unless something is said of the later one alone. */
function joined(last: ModelMessage, message: ModelMessage): ModelMessage {
  const { role: _, ...text } = message
  const { further = [], ...first } = last
  const end = further.at(-1)
  if (message.context) return { ...last, further: [...further, text] }
  return end
    ? { ...first, further: [...further.slice(0, -1), textsOf(end, text)] }
    : { ...textsOf(first, text), role: last.role }
}

function textsOf(last: ModelText, message: ModelText): ModelText {
  return {
    ...last,
    text: [last.text, message.text].filter((text) => text !== '').join('\n\n'),
    attachments: [...last.attachments, ...message.attachments],
  }
}
