type Block = Readonly<Record<string, string>>

interface BlockMessage {
  readonly role: string
  readonly content: readonly Block[]
}

/**
 * What the API would refuse of messages, as strictly as it is anywhere: roles alternate, no text is empty, and each
 * call has its one result in the next message, in order and with nothing else.
 *
 * @param json JSON text of the messages after the first question
 * @param last the role of the last message, if there is one
 */
export function historyProblems(json: string, last: 'user' | 'assistant'): string[] {
  const problems: string[] = []
  const messages = JSON.parse(json) as readonly BlockMessage[]
  if (messages.length > 0 && messages.at(-1)!.role !== last) problems.push('the wrong role is last')
  for (const [index, { role, content }] of messages.entries()) {
    if (role !== (index % 2 === 0 ? 'assistant' : 'user')) problems.push('roles do not alternate')
    if (content.length === 0) problems.push('an empty message')
    if (textsOf([messages[index]!]).some((text) => text.trim() === '')) problems.push('an empty text')
    if (role === 'user') continue
    const calls = content.filter(({ type }) => type === 'tool_use').map(({ id }) => id)
    const results = messages[index + 1]?.content ?? []
    if (results.map((block) => block['tool_use_id']).join() !== calls.join())
      problems.push('other results than calls')
    if (results.some(({ type, content }) => type !== 'tool_result' || !content)) problems.push('no result')
  }
  const texts = textsOf(messages)
  if (new Set(texts).size < texts.length) problems.push('a text is there twice')
  return problems.map((problem) => `${problem}: ${json}`)
}

function textsOf(messages: readonly BlockMessage[]): string[] {
  return messages.flatMap(({ content }) =>
    content.flatMap(({ type, text }) => (type === 'text' ? text! : [])),
  )
}
