import { blocksOf, isCall, type Block, type RequestMessage } from '../content.ts'

/**
 * Every call of a client's tool is answered in the very next message, all results of a step together and
 * before anything else; every result answers such a call; no id is used twice. null: nothing is wrong.
 */
export function toolPairFault(messages: readonly RequestMessage[], hasTools: boolean): string | null {
  const seen = new Set<string>()
  let calls: readonly string[] = []
  for (const [index, { role, content }] of messages.entries()) {
    const blocks = blocksOf(content)
    const fault =
      (hasTools ? null : undefinedFault(blocks)) ??
      (role === 'system' ? null : resultsFault(blocks, role, index, calls)) ??
      repeatedFault(blocks, index, seen)
    if (fault) return fault
    calls = callsIn(blocks)
  }
  return calls.length > 0 ? unanswered(messages.length - 1, calls) : null
}

function undefinedFault(blocks: readonly Block[]): string | null {
  return blocks.some(({ type }) => type === 'tool_use' || type === 'tool_result')
    ? 'Requests which have `tool_use` or `tool_result` blocks in the messages must define tools.'
    : null
}

/** @param calls the ids that the message before this one has called */
function resultsFault(
  blocks: readonly Block[],
  role: string,
  index: number,
  calls: readonly string[],
): string | null {
  if (role !== 'user') return calls.length > 0 ? unanswered(index - 1, calls) : null
  const answered = new Set<string>()
  let others = false
  for (const [at, block] of blocks.entries()) {
    if (block.type !== 'tool_result') {
      others = true
      continue
    }
    const id = String(block['tool_use_id'])
    const path = `messages.${index}.content.${at}`
    if (!calls.includes(id)) {
      return `${path}: unexpected \`tool_use_id\` found in \`tool_result\` blocks: ${id}. Each \`tool_result\` block must have a corresponding \`tool_use\` block in the previous message.`
    }
    if (answered.has(id)) {
      return `${path}: each tool_use must have a single result. Found multiple \`tool_result\` blocks with id: ${id}`
    }
    // A result behind other content does not follow its call immediately.
    if (others) return unanswered(index - 1, [id])
    answered.add(id)
  }
  const missing = calls.filter((id) => !answered.has(id))
  return missing.length > 0 ? unanswered(index - 1, missing) : null
}

function repeatedFault(blocks: readonly Block[], index: number, seen: Set<string>): string | null {
  for (const [at, block] of blocks.entries()) {
    if (!isCall(block)) continue
    const id = String(block['id'])
    if (seen.has(id)) return `messages.${index}.content.${at}: \`tool_use\` ids must be unique`
    seen.add(id)
  }
  return null
}

function callsIn(blocks: readonly Block[]): readonly string[] {
  return blocks.filter(({ type }) => type === 'tool_use').map((block) => String(block['id']))
}

function unanswered(index: number, ids: readonly string[]): string {
  return `messages.${index}: \`tool_use\` ids were found without \`tool_result\` blocks immediately after: ${ids.join(', ')}. Each \`tool_use\` block must have a corresponding \`tool_result\` block in the next message.`
}
