import { isRecord } from '../http.ts'

/** A content block of a request or of an answer; which fields it has depends on its type. */
export type Block = Readonly<Record<string, unknown>> & { readonly type: string }

/** The values of the `anthropic-beta` header. */
export type Betas = readonly string[]

export interface RequestMessage {
  readonly role: string
  readonly content: unknown
}

/** A block, with the place of it that errors name. */
export interface PlacedBlock {
  readonly block: Block
  readonly path: string
  readonly role: string
  /** The index of its message. */
  readonly message: number
}

/** The blocks of a content; a string is one text block. */
export function blocksOf(content: unknown): readonly Block[] {
  return typeof content === 'string' ? [{ type: 'text', text: content }] : (content as readonly Block[])
}

/** Each check asks for the blocks of the same messages; benchmarks send thousands of requests. */
const PLACED = new WeakMap<readonly RequestMessage[], readonly PlacedBlock[]>()

/** Every block of all messages in their order. Call it only for messages whose blocks were checked. */
export function placedBlocks(messages: readonly RequestMessage[]): readonly PlacedBlock[] {
  const known = PLACED.get(messages)
  if (known) return known
  const placed = messages.flatMap(({ role, content }, message) =>
    blocksOf(content).map((block, index) => ({
      block,
      role,
      message,
      path: `messages.${message}.content.${index}`,
    })),
  )
  PLACED.set(messages, placed)
  return placed
}

/** The blocks of `system`; a string is one text block. */
export function systemBlocks(system: unknown): readonly Block[] {
  return system === undefined || system === null ? [] : blocksOf(system)
}

/** The tool definitions of a request. */
export function toolsOf(tools: unknown): ReadonlyArray<Readonly<Record<string, unknown>>> {
  return Array.isArray(tools) ? tools.filter(isRecord) : []
}

export function isThinking(block: Block): boolean {
  return block.type === 'thinking' || block.type === 'redacted_thinking'
}

export function isCall(block: Block): boolean {
  return block.type === 'tool_use' || block.type === 'server_tool_use'
}

/** What a tool of the service's own found: `web_search_tool_result` and its like. */
export function isServerResult(block: Block): boolean {
  return block.type !== 'tool_result' && block.type.endsWith('_tool_result')
}

/** Tools that the service runs itself; every other one is run by the client. */
export function isServerTool(tool: Readonly<Record<string, unknown>>): boolean {
  return typeof tool['type'] === 'string' && SERVER_TOOL_TYPE.test(tool['type'])
}

/**
 * The messages from the newest one of a person on: a message with tool results continues the turn
 * before it.
 */
export function startOfTurn(messages: readonly RequestMessage[]): number {
  const start = messages.findLastIndex(
    ({ role, content }) =>
      role === 'user' && !blocksOf(content).some((block) => block.type === 'tool_result'),
  )
  return Math.max(0, start)
}

const SERVER_TOOL_TYPE = /^(?:web_search|web_fetch|code_execution|tool_search_tool_[a-z0-9]+)_\d{8}$/
