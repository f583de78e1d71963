import { isRecord } from '../../http.ts'
import { blocksOf, isServerResult, type Betas, type RequestMessage } from '../content.ts'
import type { SimulatedModel } from '../model-table.ts'

type Fields = Readonly<Record<string, unknown>>

/** What the service takes at the top of a request; null: from everybody, else with such a beta header. */
const FIELDS: Readonly<Record<string, RegExp | null>> = {
  model: null,
  messages: null,
  max_tokens: null,
  cache_control: null,
  container: null,
  diagnostics: null,
  inference_geo: null,
  metadata: null,
  output_config: null,
  service_tier: null,
  speed: null,
  stop_sequences: null,
  stream: null,
  system: null,
  temperature: null,
  thinking: null,
  tool_choice: null,
  tools: null,
  top_k: null,
  top_p: null,
  context_management: /^(?:context-management|compact-2026-01)-/,
  compaction: /^compact-2026-09-/,
  fallbacks: /^server-side-fallback-/,
  mcp_servers: /^mcp-client-/,
  thread: /^message-threads-/,
}
/** Their answers have another form than every other one. */
const NOT_SIMULATED = ['mcp_servers', 'thread']
const LEAST_BUDGET = 1_024
/** The one container that there is; every other one has expired. */
export const CONTAINER_ID = 'container_sandbox'
export const BINDING_BETA = 'thinking-binding-controls-2026-08-01'
/** Shows the notes between calls, and no other thinking. */
const UPDATES_BETA = 'thinking-display-updates-2026-08-18'

/** How a request thinks: what it says, else what the model does by default. */
export function thinkingOf(request: Fields, { rules }: SimulatedModel): Fields & { readonly type: string } {
  const { thinking } = request
  return isRecord(thinking) ? { ...thinking, type: String(thinking['type']) } : { type: rules.thinking }
}

/** Whether the model may think before it answers. */
export function thinks(type: string): boolean {
  return type === 'adaptive' || type === 'enabled'
}

/** What the model cannot do of what is asked, in the words of the service; null: nothing. */
export function settingsFault(
  request: Fields,
  model: SimulatedModel,
  betas: Betas,
  needsMaxTokens: boolean,
): string | null {
  return (
    fieldsFault(request, betas) ??
    maxTokensFault(request, model, needsMaxTokens) ??
    containerFault(request) ??
    effortFault(request, model) ??
    thinkingFault(request, model, betas) ??
    forcedFault(request, model) ??
    samplingFault(request, model)
  )
}

/** A message of the model at the end is to be continued; not every model does that. */
export function prefillFault(messages: readonly RequestMessage[], { rules }: SimulatedModel): string | null {
  const last = messages.at(-1)!
  if (last.role !== 'assistant') return null
  const blocks = blocksOf(last.content)
  const end = blocks.at(-1)!
  // Continuing a paused turn is no prefill.
  if (blocks.some(({ type }) => type === 'server_tool_use') || isServerResult(end)) return null
  if (end.type === 'compaction') return null
  if (!rules.prefill) {
    return 'This model does not support assistant message prefill. The conversation must end with a user message.'
  }
  return end.type === 'text' && /\s$/.test(String(end['text']))
    ? 'messages: final assistant content cannot end with trailing whitespace'
    : null
}

function fieldsFault(request: Fields, betas: Betas): string | null {
  for (const name of Object.keys(request)) {
    const beta = Object.hasOwn(FIELDS, name) ? FIELDS[name] : undefined
    if (beta === null) continue
    if (beta === undefined || !betas.some((sent) => beta.test(sent))) {
      return `${name}: Extra inputs are not permitted`
    }
    if (NOT_SIMULATED.includes(name)) return `${name}: The sandbox does not simulate this.`
  }
  const { stop_sequences: stops } = request
  if (Array.isArray(stops) && stops.some((stop) => typeof stop !== 'string' || !/\S/.test(stop))) {
    return 'stop_sequences: each stop sequence must contain non-whitespace'
  }
  return null
}

function maxTokensFault(
  { max_tokens: maxTokens }: Fields,
  model: SimulatedModel,
  needed: boolean,
): string | null {
  if (maxTokens === undefined || maxTokens === null) return needed ? 'max_tokens: Field required' : null
  if (!Number.isInteger(maxTokens)) return 'max_tokens: Input should be a valid integer'
  // 0 fills the cache and answers nothing.
  if ((maxTokens as number) < 0) return 'max_tokens: Input should be greater than or equal to 0'
  return (maxTokens as number) > model.max_tokens
    ? `max_tokens: ${String(maxTokens)} > ${model.max_tokens}, which is the maximum allowed number of output tokens for ${model.id}`
    : null
}

function containerFault({ container }: Fields): string | null {
  const id = isRecord(container) ? container['id'] : container
  return id === undefined || id === null || id === CONTAINER_ID
    ? null
    : `container: Container not found or expired: ${String(id)}`
}

function effortFault(request: Fields, model: SimulatedModel): string | null {
  const { output_config: output } = request
  const effort = isRecord(output) ? (output['effort'] ?? null) : null
  if (effort === null) return null
  if (!supports(model.capabilities.effort, effort)) {
    return model.capabilities.effort.supported
      ? 'output_config.effort: This level is not supported by this model.'
      : 'This model does not support the effort parameter.'
  }
  return thinkingOf(request, model).type === 'between_tools' && (effort === 'xhigh' || effort === 'max')
    ? `output_config.effort: "${effort}" is not supported with thinking.type "between_tools".`
    : null
}

function thinkingFault(request: Fields, model: SimulatedModel, betas: Betas): string | null {
  const { thinking, max_tokens: maxTokens } = request
  if (thinking === undefined || thinking === null) return null
  if (!isRecord(thinking)) return 'thinking: Input should be an object'
  const { type, budget_tokens: budget, display, block_binding: binding } = thinking
  if (!supports(model.capabilities.thinking.types, type)) {
    return `thinking.type: "${String(type)}" is not supported by this model.`
  }
  const kind = String(type)
  if (kind === 'enabled') {
    if (!Number.isInteger(budget)) return 'thinking.enabled.budget_tokens: Field required'
    if ((budget as number) < LEAST_BUDGET) {
      return `thinking.enabled.budget_tokens: Input should be greater than or equal to ${LEAST_BUDGET}`
    }
    if (typeof maxTokens === 'number' && maxTokens <= (budget as number)) {
      return '`max_tokens` must be greater than `thinking.budget_tokens`.'
    }
  } else if (budget !== undefined) return `thinking.${kind}.budget_tokens: Extra inputs are not permitted`
  if (display !== undefined && display !== null) {
    if (!thinks(kind)) return `thinking.${kind}.display: Extra inputs are not permitted`
    const updates = display === 'updates' && betas.includes(UPDATES_BETA)
    if (display !== 'summarized' && display !== 'omitted' && !updates) {
      return `thinking.${kind}.display: Input should be 'summarized' or 'omitted'`
    }
  }
  if (binding === undefined || binding === null) return null
  if (!thinks(kind) || !betas.includes(BINDING_BETA)) {
    return `thinking.${kind}.block_binding: Extra inputs are not permitted`
  }
  const behavior = isRecord(binding) ? (binding['prefix_mismatch_behavior'] ?? 'error') : null
  return behavior === 'error' || behavior === 'drop_block'
    ? null
    : `thinking.${kind}.block_binding.prefix_mismatch_behavior: Input should be 'error' or 'drop_block'`
}

function forcedFault(request: Fields, model: SimulatedModel): string | null {
  const { tool_choice: choice } = request
  const type = isRecord(choice) ? choice['type'] : null
  if (type !== 'any' && type !== 'tool') return null
  if (thinks(thinkingOf(request, model).type)) {
    return 'Thinking may not be enabled when tool_choice forces tool use.'
  }
  return model.rules.forcedTools ? null : `tool_choice.type: "${type}" is not supported by this model.`
}

function samplingFault(request: Fields, { rules }: SimulatedModel): string | null {
  if (rules.sampling) return null
  const { temperature, top_p: topP, top_k: topK } = request
  // The default value is accepted, as if it were not there.
  const name =
    temperature !== undefined && temperature !== 1
      ? 'temperature'
      : topP !== undefined
        ? 'top_p'
        : topK !== undefined
          ? 'top_k'
          : null
  return name && `${name}: This model does not support sampling parameters.`
}

function supports(abilities: object, name: unknown): boolean {
  if (typeof name !== 'string' || name === 'supported' || !Object.hasOwn(abilities, name)) return false
  return (
    (abilities as Readonly<Record<string, { readonly supported: boolean } | null>>)[name]?.supported === true
  )
}
