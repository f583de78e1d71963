import type { ToolCall } from '../../../src/conversation/model.ts'
import type { Random } from '../chance.ts'

const TEXT_SHARE = 0.5
const MOST_CALLS = 4
/** The last one does not exist. */
const TOOLS = ['look', 'look', 'note', 'act', 'act', 'nothing'] as const

/** A response of the scripted model, by the number of responses before it. */
export interface Scripted {
  readonly content: string
  readonly calls: readonly ToolCall[]
}

/** Thinking with what a second writing would change, text, and calls. */
export function scriptedResponse(index: number, isLast: boolean, random: Random): Scripted {
  const blocks = [
    `{"type":"thinking","thinking":"","signature":"${index}","b":1,"10":2,"9":3,"n":12345678901234567890}`,
  ]
  if (isLast || random() < TEXT_SHARE) blocks.push(`{"type":"text","text":"Words of ${index}."}`)
  const calls: ToolCall[] = []
  const count = isLast ? 0 : 1 + Math.floor(random() * MOST_CALLS)
  for (let call = 0; call < count; call++) {
    const id = `call-${index}-${call}`
    const name = TOOLS[Math.floor(random() * TOOLS.length)]!
    const input = `{"10":1,"9":${call}}`
    calls.push({ id, name, input })
    blocks.push(`{"type":"tool_use","id":"${id}","name":"${name}","input":${input}}`)
  }
  return { content: `[${blocks.join(', ')}]`, calls }
}

/** What is shown of it. */
export function textIn(content: string): string {
  const blocks = JSON.parse(content) as ReadonlyArray<{ readonly type: string; readonly text?: string }>
  return blocks.map(({ type, text }) => (type === 'text' ? text : '')).join('')
}
