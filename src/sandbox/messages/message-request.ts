import { apiError, type ApiFailure } from '../api-errors.ts'
import { isRecord, parseJson } from '../http.ts'
import type { Question, ToolResult } from '../types.ts'
import { cacheMarkFault } from './checks/cache-marks.ts'
import { contentFault, systemPromptFault } from './checks/check-content.ts'
import { BINDING_BETA, prefillFault, settingsFault } from './checks/check-settings.ts'
import { toolsFault } from './checks/check-tools.ts'
import { serverCallFault } from './checks/server-calls.ts'
import { toolPairFault } from './checks/tool-pairs.ts'
import { compactionFault, compactionSettingsFault, isCompaction } from './compaction.ts'
import {
  blocksOf,
  isCall,
  isThinking,
  placedBlocks,
  systemBlocks,
  toolsOf,
  type Betas,
  type Block,
  type RequestMessage,
} from './content.ts'
import { simulatedModel, type SimulatedModel } from './model-table.ts'
import { bindThinking, type BoundThinking } from './thinking/bind-thinking.ts'
import { tokensOfValue } from './tokens.ts'

/** The body of `POST /v1/messages`, checked. */
export interface MessageRequest extends Question {
  /** The whole body. */
  readonly json: Readonly<Record<string, unknown>>
  readonly simulated: SimulatedModel
  readonly organization: string
  readonly betas: Betas
  readonly stream: boolean
  readonly messages: readonly RequestMessage[]
  readonly maxTokens: number | null
  readonly effort: string | null
  /** The last text block of the newest user message: where context stands before it, the person's own words. */
  readonly lastText: string
  readonly inputTokens: number
  /** Checked already where the request has thinking or calls; else `boundThinking` makes it. */
  readonly bound: BoundThinking | null
}

export interface ReadOptions {
  readonly models: readonly SimulatedModel[]
  readonly organization: string
  /** The header `anthropic-beta`. */
  readonly betas: string
  /** The count of tokens needs none. */
  readonly needsMaxTokens: boolean
}

/** Reads and checks a request; a failure is what the Messages API would answer. */
export function readMessageRequest(body: Buffer, options: ReadOptions): MessageRequest | ApiFailure {
  const json = parseJson(body.toString())
  if (!isRecord(json)) return invalid('The request body is not valid JSON')
  const { model } = json
  if (typeof model !== 'string') return invalid('model: Field required')
  const simulated = simulatedModel(options.models, model)
  if (!simulated) return apiError(404, 'not_found_error', `model: ${model}`)
  const betas = options.betas.split(',').map((beta) => beta.trim())
  const fault = faultOf(json, simulated, betas, options.needsMaxTokens)
  if (fault) return typeof fault === 'string' ? invalid(fault) : fault
  const messages = json['messages'] as readonly RequestMessage[]
  const inputTokens = countTokens(json, messages)
  if (inputTokens > simulated.max_input_tokens) {
    return invalid(`prompt is too long: ${inputTokens} tokens > ${simulated.max_input_tokens} maximum`)
  }
  const read = { json, messages, simulated, organization: options.organization, betas }
  const bound = placedBlocks(messages).some(({ block }) => isThinking(block) || isCall(block))
    ? bind(read)
    : null
  if (typeof bound === 'string') return invalid(bound)
  let droppedTokens = 0
  for (const block of bound?.dropped ?? []) droppedTokens += tokensOfValue(block)
  return {
    ...read,
    bound,
    inputTokens: inputTokens - droppedTokens,
    model,
    stream: json['stream'] === true,
    ...questionOf(messages),
    system: systemOf(json['system']),
    maxTokens: typeof json['max_tokens'] === 'number' ? json['max_tokens'] : null,
    effort: isRecord(json['output_config']) ? String(json['output_config']['effort'] ?? '') || null : null,
  }
}

export function isFailure(result: MessageRequest | ApiFailure): result is ApiFailure {
  return 'status' in result
}

/** What further thinking of the answer is tied to. */
export function boundThinking(request: MessageRequest): BoundThinking {
  return request.bound ?? (bind(request) as BoundThinking)
}

function bind(
  request: Pick<MessageRequest, 'json' | 'messages' | 'simulated' | 'organization' | 'betas'>,
): BoundThinking | string {
  const { json, messages, simulated, organization, betas } = request
  const { thinking } = json
  const binding = isRecord(thinking) && betas.includes(BINDING_BETA) ? thinking['block_binding'] : null
  const drops = isRecord(binding) && binding['prefix_mismatch_behavior'] === 'drop_block'
  return bindThinking({
    json,
    messages,
    model: simulated,
    organization,
    onMismatch: drops ? 'drop_block' : 'error',
  })
}

function faultOf(
  json: Readonly<Record<string, unknown>>,
  model: SimulatedModel,
  betas: Betas,
  needsMaxTokens: boolean,
): ApiFailure | string | null {
  const shape =
    settingsFault(json, model, betas, needsMaxTokens) ??
    compactionSettingsFault(json, model) ??
    toolsFault(json, model.rules) ??
    systemPromptFault(json['system']) ??
    contentFault(json['messages'], model.rules, betas)
  if (shape) return shape
  const messages = json['messages'] as readonly RequestMessage[]
  const tools = toolsOf(json['tools'])
  return (
    compactionFault(json, messages, model) ??
    toolPairFault(messages, tools.length > 0) ??
    serverCallFault(messages, tools) ??
    (isCompaction(json) ? null : prefillFault(messages, model)) ??
    cacheMarkFault(json, messages)
  )
}

function invalid(message: string): ApiFailure {
  return apiError(400, 'invalid_request_error', message)
}

/** The same whether the cache is used or not. */
function countTokens(json: Readonly<Record<string, unknown>>, messages: readonly RequestMessage[]): number {
  let tokens = 0
  for (const tool of toolsOf(json['tools'])) tokens += tokensOfValue(tool)
  for (const block of systemBlocks(json['system'])) tokens += tokensOfValue(block)
  for (const { content } of messages) for (const block of blocksOf(content)) tokens += tokensOfValue(block)
  return tokens
}

function questionOf(
  messages: readonly RequestMessage[],
): Pick<MessageRequest, 'text' | 'lastText' | 'attachments' | 'turns' | 'results'> {
  const asked = messages.filter(({ role }) => role === 'user')
  const blocks = blocksOf(asked.at(-1)?.content ?? [])
  const texts = blocks.filter(({ type }) => type === 'text').map((block) => String(block['text']))
  const newest = messages.findLast(({ role }) => role !== 'system')
  const calls = placedBlocks(messages).filter(({ block }) => block.type === 'tool_use')
  const words = texts.filter((text) => !isContext(text))
  return {
    text: (words.length > 0 ? words : texts).join('\n'),
    lastText: texts.at(-1) ?? '',
    attachments: blocks.filter(({ type }) => type === 'image' || type === 'document').length,
    // Results continue the turn that is there.
    turns: asked.filter(({ content }) => !blocksOf(content).some(({ type }) => type === 'tool_result'))
      .length,
    results:
      newest?.role === 'user'
        ? blocks
            .filter(({ type }) => type === 'tool_result')
            .map((block) =>
              resultOf(block, calls.find((call) => call.block['id'] === block['tool_use_id'])?.block),
            )
        : [],
  }
}

/** What the gateway says of a person's words is none of them. */
function isContext(text: string): boolean {
  return text.startsWith('[About the message')
}

function resultOf(block: Block, call: Block | undefined): ToolResult {
  const { content } = block
  const blocks = content === undefined || content === null ? [] : blocksOf(content)
  return {
    tool: String(call?.['name'] ?? ''),
    text: blocks
      .map((inner) => (inner.type === 'text' ? String(inner['text']) : `(${inner.type})`))
      .join('\n'),
    isError: block['is_error'] === true,
  }
}

function systemOf(system: unknown): string | null {
  if (typeof system === 'string') return system
  if (!Array.isArray(system)) return null
  return system.map((block) => (isRecord(block) ? String(block['text'] ?? '') : '')).join('\n')
}
