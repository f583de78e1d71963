import {
  blocksOf,
  isServerResult,
  placedBlocks,
  type Block,
  type PlacedBlock,
  type RequestMessage,
} from '../content.ts'

type Tools = ReadonlyArray<Readonly<Record<string, unknown>>>

/** The calls of server tools that have no result yet, in their order. */
export function openServerCalls(messages: readonly RequestMessage[]): readonly Block[] {
  const open = new Map<unknown, Block>()
  for (const { content } of messages) {
    for (const block of blocksOf(content)) {
      if (block.type === 'server_tool_use') open.set(block['id'], block)
      else if (isServerResult(block)) open.delete(block['tool_use_id'])
    }
  }
  return [...open.values()]
}

/**
 * A call of a server tool has its result in the same turn of the model; only the newest turn may leave it
 * open, to be continued: as the last message, or answered with the results of client tools alone, which
 * were called in the same step. null: nothing is wrong.
 */
export function serverCallFault(messages: readonly RequestMessage[], tools: Tools): string | null {
  const open = new Map<string, PlacedBlock>()
  let answered = false
  for (const placed of placedBlocks(messages)) {
    const { block, path, role } = placed
    const [first] = open.values()
    if (isServerResult(block)) {
      const id = String(block['tool_use_id'])
      const call = open.get(id)
      if (!call || resultOf(call.block) !== block.type) {
        return `${path}: unexpected \`tool_use_id\` found in \`${block.type}\` blocks: ${id}. Each \`${block.type}\` block must have a corresponding \`server_tool_use\` block before it.`
      }
      open.delete(id)
    } else if (first && (role === 'assistant' ? answered : block.type !== 'tool_result')) {
      return withoutResult(first)
    }
    if (block.type === 'server_tool_use') open.set(String(block['id']), placed)
    // Behind the results of client tools the model's turn continues with those of the server tools.
    answered = open.size > 0 && (answered || role !== 'assistant')
  }
  const undefinedTool = [...open.values()].find(
    ({ block }) => !tools.some((tool) => tool['name'] === toolOf(String(block['name']))),
  )
  return undefinedTool
    ? `${undefinedTool.path}: \`${String(undefinedTool.block['name'])}\` cannot continue, because the request does not define its tool`
    : null
}

function withoutResult({ block, path }: PlacedBlock): string {
  const name = String(block['name'])
  return `${path}: \`${name}\` tool use with id \`${String(block['id'])}\` was found without a corresponding \`${resultOf(block)}\` block`
}

/** The type of the block that holds what a call found. */
export function resultOf(call: Block): string {
  const name = String(call['name'])
  return name.startsWith('tool_search_tool') ? 'tool_search_tool_result' : `${name}_tool_result`
}

/** The tools within code execution are offered by its one definition. */
function toolOf(name: string): string {
  return name === 'bash_code_execution' || name === 'text_editor_code_execution' ? 'code_execution' : name
}
