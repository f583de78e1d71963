import { EFFORTS } from '../../config/sections/model.ts'
import type { ModelInfo, ServerTool, ThinkingType } from '../../conversation/model-settings.ts'
import { printable } from '../../support/text/printable.ts'

/** Far above what an account has; beyond it a list is no list of models. */
export const MAX_MODELS = 1_000
const ID = /^[\w.:@/-]{1,100}$/
const MAX_NAME_LENGTH = 100
/** Far above every context window. */
const MAX_TOKENS = 1_000_000_000
const LIFECYCLES = ['active', 'deprecated', 'retired'] as const
const THINKING_TYPES: readonly ThinkingType[] = ['adaptive', 'between_tools', 'disabled', 'enabled']
const SERVER_TOOLS: readonly ServerTool[] = ['web_search', 'code_execution']

type Fields = Readonly<Record<string, unknown>>

/** One page of `GET /v1/models`. @see https://docs.anthropic.com/en/api/models-list */
export interface ModelPage {
  /** The items as they came, for the store. */
  readonly items: readonly unknown[]
  /** The id behind which the next page begins; null = this is the last one. */
  readonly after: string | null
}

/** @returns null where it is no such page */
export function readModelPage(body: unknown): ModelPage | null {
  if (!isRecord(body) || !Array.isArray(body['data']) || body['data'].length > MAX_MODELS) return null
  const { has_more: hasMore, last_id: last } = body
  const after = hasMore === true && typeof last === 'string' && ID.test(last) ? last : null
  return { items: body['data'], after }
}

/**
 * The models among `items`, in their order, each id once. What is no model is left out, and an ability
 * that cannot be read is unknown: nothing of it keeps the others from being used.
 */
export function readModels(items: readonly unknown[]): ModelInfo[] {
  const models = new Map<string, ModelInfo>()
  for (const item of items.slice(0, MAX_MODELS)) {
    const model = readModel(item)
    if (model && !models.has(model.id)) models.set(model.id, model)
  }
  return [...models.values()]
}

function readModel(item: unknown): ModelInfo | null {
  if (!isRecord(item) || typeof item['id'] !== 'string' || !ID.test(item['id'])) return null
  const { id, display_name: name, lifecycle, capabilities } = item
  const abilities = isRecord(capabilities) ? capabilities : {}
  return {
    id,
    name: (typeof name === 'string' && printable(name.slice(0, MAX_NAME_LENGTH)).trim()) || id,
    lifecycle: LIFECYCLES.find((known) => known === lifecycle) ?? 'active',
    retiresAt: timeOf(item['retires_at']),
    contextTokens: tokensOf(item['max_input_tokens']),
    maxTokens: tokensOf(item['max_tokens']),
    efforts: supportedOf(abilities['effort'], EFFORTS),
    thinking: thinkingOf(abilities['thinking']),
    serverTools: supportedOf(abilities['server_tools'], SERVER_TOOLS),
    compaction: compactionOf(abilities),
  }
}

/** The names of `all` that the ability says are supported; null = it says nothing. */
function supportedOf<Name extends string>(ability: unknown, all: readonly Name[]): readonly Name[] | null {
  const supported = isSupported(ability)
  if (supported === null) return null
  return supported ? all.filter((name) => isSupported((ability as Fields)[name]) === true) : []
}

function thinkingOf(ability: unknown): readonly ThinkingType[] | null {
  const supported = isSupported(ability)
  if (supported === null) return null
  const types = (ability as Fields)['types']
  if (!isRecord(types)) return supported ? null : []
  return THINKING_TYPES.filter((type) => isSupported(types[type]) === true)
}

/** On demand; where the list says nothing of that, what it says of the older form. */
function compactionOf({ compaction, context_management: management }: Fields): boolean | null {
  const onDemand = supportOf(compaction, 'summarize')
  return onDemand ?? supportOf(management, 'compact_20260112')
}

/** null = the ability says nothing. */
function supportOf(ability: unknown, name: string): boolean | null {
  if (isSupported(ability) !== true) return isSupported(ability)
  return isSupported((ability as Fields)[name]) ?? false
}

function isSupported(ability: unknown): boolean | null {
  if (!isRecord(ability)) return null
  return typeof ability['supported'] === 'boolean' ? ability['supported'] : null
}

function tokensOf(value: unknown): number | null {
  const isCount = Number.isSafeInteger(value) && (value as number) > 0 && (value as number) <= MAX_TOKENS
  return isCount ? (value as number) : null
}

/** Epoch milliseconds of an RFC 3339 time. */
function timeOf(value: unknown): number | null {
  if (typeof value !== 'string' || !RFC_3339.test(value)) return null
  const time = Date.parse(value)
  return Number.isNaN(time) ? null : time
}

const RFC_3339 = /^\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d))?$/

function isRecord(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
