import { isRecord } from '../../http.ts'
import { isServerTool } from '../content.ts'
import type { ModelRules } from '../model-table.ts'

type Fields = Readonly<Record<string, unknown>>

const NAME = /^[a-zA-Z0-9_-]{1,128}$/
/** Tools that the service knows by their type, and the only name that each may have; null: it has none. */
const TYPED: ReadonlyArray<readonly [pattern: RegExp, name: string | null]> = [
  [/^memory_20250818$/, 'memory'],
  [/^bash_20250124$/, 'bash'],
  [/^text_editor_20250124$/, 'str_replace_editor'],
  [/^text_editor_(?:20250429|20250728)$/, 'str_replace_based_edit_tool'],
  [/^(?:browser|computer)_toolset_20260801$/, null],
  [/^web_search_(?:20250305|20260209|20260318)$/, 'web_search'],
  [/^web_fetch_(?:20250910|20260209|20260309|20260318)$/, 'web_fetch'],
  [/^code_execution_(?:20250522|20250825|20260120|20260521)$/, 'code_execution'],
  [/^tool_search_tool_regex_20251119$/, 'tool_search_tool_regex'],
  [/^tool_search_tool_bm25_20251119$/, 'tool_search_tool_bm25'],
]
const CUSTOM_FIELDS = [
  'type',
  'name',
  'description',
  'input_schema',
  'allowed_callers',
  'cache_control',
  'defer_loading',
  'eager_input_streaming',
  'input_examples',
  'strict',
]
/** These let code that the model writes call them, where the request does not say otherwise. */
const CALLED_BY_CODE = /^web_(?:search|fetch)_(?:20260209|20260309|20260318)$/
const CHOICES = ['auto', 'any', 'tool', 'none']

/** What is wrong with the tools of a request and with the choice among them; null: nothing. */
export function toolsFault(request: Fields, rules: ModelRules): string | null {
  const { tools, tool_choice: choice } = request
  if (tools !== undefined && tools !== null && !Array.isArray(tools))
    return 'tools: Input should be a valid list'
  const names = new Set<string>()
  for (const [index, tool] of (tools ?? []).entries()) {
    const fault = isRecord(tool) ? toolFault(tool, rules) : 'Input should be an object'
    if (fault) return `tools.${index}.${fault}`
    const name = (tool as Fields)['name']
    if (typeof name !== 'string') continue
    if (names.has(name)) return 'tools: Tool names must be unique.'
    names.add(name)
  }
  return choice === undefined || choice === null ? null : choiceFault(choice, names)
}

function toolFault(tool: Fields, rules: ModelRules): string | null {
  const { type, name } = tool
  if (type === undefined || type === null || type === 'custom') return customFault(tool)
  const typed = TYPED.find(([pattern]) => typeof type === 'string' && pattern.test(type))
  if (!typed)
    return `type: Input tag '${String(type)}' found using 'type' does not match any of the expected tags`
  if (typed[1] !== null && name !== typed[1]) return `${String(type)}.name: Input should be '${typed[1]}'`
  return isServerTool(tool) ? serverToolFault(tool, rules) : null
}

function customFault(tool: Fields): string | null {
  const { name, input_schema: schema, description } = tool
  if (name === undefined) return 'custom.name: Field required'
  if (typeof name !== 'string' || !NAME.test(name)) {
    return `custom.name: String should match pattern '${NAME.source}'`
  }
  if (description !== undefined && typeof description !== 'string') {
    return 'custom.description: Input should be a valid string'
  }
  if (!isRecord(schema)) return 'custom.input_schema: Field required'
  if (schema['type'] === undefined) return 'custom.input_schema.type: Field required'
  if (schema['type'] !== 'object') return "custom.input_schema.type: Input should be 'object'"
  const extra = Object.keys(tool).find((field) => !CUSTOM_FIELDS.includes(field))
  return extra === undefined ? null : `custom.${extra}: Extra inputs are not permitted`
}

function serverToolFault(tool: Fields, rules: ModelRules): string | null {
  const type = String(tool['type'])
  if (hasEntries(tool['allowed_domains']) && hasEntries(tool['blocked_domains'])) {
    return `${type}: Only one of \`allowed_domains\` and \`blocked_domains\` may be specified.`
  }
  const callers = tool['allowed_callers']
  const direct = Array.isArray(callers) && callers.length === 1 && callers[0] === 'direct'
  if (CALLED_BY_CODE.test(type) && !rules.programmaticTools && !direct) {
    return `${type}.allowed_callers: This model does not support programmatic tool calling; set \`allowed_callers\` to ["direct"].`
  }
  return null
}

function choiceFault(choice: unknown, names: ReadonlySet<string>): string | null {
  if (!isRecord(choice) || !CHOICES.includes(String(choice['type']))) {
    return `tool_choice: Input tag does not match any of the expected tags: ${CHOICES.map((name) => `'${name}'`).join(', ')}`
  }
  if (names.size === 0) return 'tool_choice: tool_choice may only be specified while providing tools.'
  if (choice['type'] !== 'tool') return null
  if (typeof choice['name'] !== 'string') return 'tool_choice.tool.name: Field required'
  return names.has(choice['name'])
    ? null
    : `tool_choice: Tool '${choice['name']}' not found in provided tools`
}

function hasEntries(list: unknown): boolean {
  return Array.isArray(list) && list.length > 0
}
