import { isRecord, parseJson } from '../http.ts'
import { thinkingOf, thinks } from './checks/check-settings.ts'
import { isServerTool, toolsOf } from './content.ts'
import { callDraft, type Draft, type DraftPart } from './draft.ts'
import type { MessageRequest } from './message-request.ts'

type Tool = Readonly<Record<string, unknown>>

const DEFAULT_CALLS = 2
/** More than any agent runs side by side. */
const MOST_CALLS = 20
/** Deeper schemas are filled in by nobody. */
const SCHEMA_DEPTH = 4
const CATEGORIES = ['cyber', 'bio', 'frontier_llm', 'reasoning_extraction', 'general_harms']
const THOUGHT = 'The person wants to see me think. I am a simulation, so this is all there is.'

/** `!tool NAME {json}`: calls one tool that the request offers. */
export function rehearseTool(request: MessageRequest, rest: string): string | Draft {
  const [, name = '', json = ''] = /^(\S*)\s*([\s\S]*)$/.exec(rest)!
  const tool = clientTool(request, name)
  if (typeof tool === 'string') return tool
  const input = json === '' ? sampleOf(tool['input_schema']) : parseJson(json)
  if (!isRecord(input)) return `\`${json}\` is not a JSON object.`
  return callDraft([{ name: String(tool['name']), input }])
}

/** `!tools N`: several calls in one answer, of the offered tools in turn. */
export function rehearseTools(request: MessageRequest, rest: string): string | Draft {
  const tools = clientTools(request)
  if (typeof tools === 'string') return tools
  const choice = request.json['tool_choice']
  const alone = isRecord(choice) && choice['disable_parallel_tool_use'] === true
  const count = alone ? 1 : Math.min(Math.max(1, Math.trunc(Number(rest) || DEFAULT_CALLS)), MOST_CALLS)
  const calls = Array.from({ length: count }, (_, index) => tools[index % tools.length]!)
  return callDraft(
    calls.map((tool) => ({ name: String(tool['name']), input: sampleOf(tool['input_schema']) })),
  )
}

/** `!pause [NAME {json}]`: stops with an open call of a server tool, or with one of a client tool, too. */
export function rehearsePause(request: MessageRequest, rest: string): string | Draft {
  const server = toolsOf(request.json['tools']).find((tool) => isServerTool(tool) && callOf(tool) !== null)
  if (!server)
    return 'This request offers no tool that the service runs itself, so there is nothing to pause for.'
  const parts: DraftPart[] = [
    { kind: 'text', text: 'Let me look that up.' },
    { kind: 'server-call', ...callOf(server)! },
  ]
  if (rest === '') return { parts, stopReason: 'pause_turn' }
  const called = rehearseTool(request, rest)
  return typeof called === 'string' ? called : { ...called, parts: [...parts, ...called.parts] }
}

/** `!refuse [late] [CATEGORY]`: a refusal, at once or after some text. */
export function rehearseRefusal(words: readonly string[]): Draft {
  const category = words.find((word) => CATEGORIES.includes(word)) ?? 'general_harms'
  const parts: DraftPart[] = words.includes('late') ? [{ kind: 'text', text: 'I can begin to' }] : []
  return { parts, stopReason: 'refusal', category }
}

/** `!think [redacted] [TEXT]`: thinks before it answers. */
export function rehearseThinking(request: MessageRequest, rest: string): string | Draft {
  const { type } = thinkingOf(request.json, request.simulated)
  if (!thinks(type)) return `This request does not let me think (\`thinking.type\` is \`${type}\`).`
  const redacted = /^redacted\b/.test(rest)
  const text = redacted ? rest.slice('redacted'.length).trim() : rest
  const thought: DraftPart = redacted ? { kind: 'redacted' } : { kind: 'thinking', text: text || THOUGHT }
  return { parts: [thought, { kind: 'text', text: 'I have thought about it.' }], stopReason: null }
}

/** `!cut [NAME]`: the limit of tokens ends the answer in the middle of a call, or of the text without tools. */
export function rehearseCut(request: MessageRequest, rest: string): Draft {
  const tools = clientTools(request)
  const tool = rest === '' ? tools[0] : clientTool(request, rest)
  if (typeof tools === 'string' || typeof tool !== 'object') {
    return {
      parts: [{ kind: 'text', text: 'This answer ends in the middle of its' }],
      stopReason: 'max_tokens',
    }
  }
  const call: DraftPart = { kind: 'call', name: String(tool['name']), input: sampleOf(tool['input_schema']) }
  return { parts: [{ kind: 'text', text: 'One moment.' }, call], stopReason: 'max_tokens', cut: true }
}

/** The call that `tool_choice` forces; null: none. */
export function forcedCall(request: MessageRequest): Draft | null {
  const choice = request.json['tool_choice']
  if (!isRecord(choice) || (choice['type'] !== 'any' && choice['type'] !== 'tool')) return null
  const tools = clientTools(request)
  const tool =
    typeof tools === 'string'
      ? undefined
      : choice['type'] === 'any'
        ? tools[0]
        : tools.find(({ name }) => name === choice['name'])
  return tool ? callDraft([{ name: String(tool['name']), input: sampleOf(tool['input_schema']) }]) : null
}

function clientTool(request: MessageRequest, name: string): Tool | string {
  const tools = clientTools(request)
  if (typeof tools === 'string') return tools
  const names = tools.map((tool) => `\`${String(tool['name'])}\``).join(', ')
  return (
    tools.find((tool) => tool['name'] === name) ??
    `This request offers no tool \`${name}\`. It offers: ${names}.`
  )
}

/** The tools that the client runs; a sentence where there are none. */
function clientTools(request: MessageRequest): readonly Tool[] | string {
  const choice = request.json['tool_choice']
  if (isRecord(choice) && choice['type'] === 'none')
    return 'This request lets me use no tool (`tool_choice` is `none`).'
  const tools = toolsOf(request.json['tools']).filter(
    (tool) => !isServerTool(tool) && typeof tool['name'] === 'string',
  )
  return tools.length > 0 ? tools : 'This request offers no tool that the client runs.'
}

/** How the model calls a server tool; null: it is never called by a command. */
function callOf(tool: Tool): { readonly name: string; readonly input: unknown } | null {
  switch (tool['name']) {
    case 'web_search':
      return { name: 'web_search', input: { query: 'sandbox' } }
    case 'web_fetch':
      return { name: 'web_fetch', input: { url: 'https://example.com/sandbox' } }
    case 'code_execution':
      return { name: 'bash_code_execution', input: { command: 'echo sandbox' } }
    default:
      return null
  }
}

/** Something that fits a JSON schema, as far as its types go. */
function sampleOf(schema: unknown, depth = 0): unknown {
  if (!isRecord(schema) || depth > SCHEMA_DEPTH) return depth === 0 ? {} : 'sandbox'
  const { enum: values, properties, required, type, items } = schema
  if (Array.isArray(values) && values.length > 0) return values[0]
  switch (Array.isArray(type) ? type[0] : type) {
    case 'object': {
      const fields = isRecord(properties) ? properties : {}
      const names = Array.isArray(required) ? (required as string[]) : []
      return Object.fromEntries(names.map((name) => [name, sampleOf(fields[name], depth + 1)]))
    }
    case 'array':
      return [sampleOf(items, depth + 1)]
    case 'integer':
    case 'number':
      return 1
    case 'boolean':
      return true
    case 'null':
      return null
    default:
      return depth === 0 ? {} : 'sandbox'
  }
}
