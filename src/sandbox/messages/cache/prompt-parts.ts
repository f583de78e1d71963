import { isRecord } from '../../http.ts'
import { markOf, type Ttl } from '../checks/cache-marks.ts'
import { thinkingOf } from '../checks/check-settings.ts'
import {
  isServerResult,
  placedBlocks,
  systemBlocks,
  toolsOf,
  type Block,
  type RequestMessage,
} from '../content.ts'
import type { SimulatedModel } from '../model-table.ts'
import { canonical } from '../thinking/prefix.ts'
import { digest } from '../thinking/signature.ts'
import { tokensOfValue } from '../tokens.ts'

/** A prefix of the prompt that ends with one block. */
export interface PromptPart {
  /** Names the whole prefix: the same key is the same prompt of the same organization. */
  readonly key: string
  /** Runs of calls, and runs of results, count as one position. */
  readonly position: number
  /** Of the whole prefix. */
  readonly tokens: number
  readonly mark: Ttl | null
}

export interface PromptRequest {
  readonly json: Readonly<Record<string, unknown>>
  readonly messages: readonly RequestMessage[]
  readonly model: SimulatedModel
  readonly organization: string
  /** Thinking that the model does not see. */
  readonly dropped: ReadonlySet<Block>
}

/**
 * The prefixes of a prompt in the order in which the service hashes it: tools, system, messages. What
 * changes the system part (search on the web, citations, speed) or the messages (choice of tools, pictures,
 * thinking, effort, format) is hashed where that part begins.
 */
export function promptParts(request: PromptRequest): readonly PromptPart[] {
  const { json, messages, model, organization, dropped } = request
  const tools = toolsOf(json['tools'])
  const placed = placedBlocks(messages).filter(({ block }) => !dropped.has(block))
  const parts = new Parts(digest(`${organization}\n${model.id}`))
  // Search on the web is a line of the system prompt.
  for (const tool of tools) parts.add(tool, isSearch(tool) ? '' : canonical(tool))
  parts.turn(systemSettings(json, tools, messages))
  for (const block of systemBlocks(json['system'])) parts.add(block, canonical(block))
  parts.turn(messageSettings(json, model, messages))
  const automatic = isRecord(json['cache_control']) ? markOf(json) : null
  const caches = automatic !== null || parts.marked || placed.some(({ block }) => markOf(block))
  const lastResult = caches ? placed.findLast(({ block }) => isServerResult(block)) : undefined
  for (const one of placed) {
    const own = markOf(one.block) ?? innerMark(one.block)
    const given = one === placed.at(-1) ? automatic : one === lastResult ? '5m' : null
    parts.add(one.block, `${one.role}\n${canonical(one.block)}`, own ?? given)
  }
  return parts.all
}

/** Whether a request has to do with the cache at all: it has a mark, or asks for diagnostics. */
export function mentionsCache({ json, messages }: Pick<PromptRequest, 'json' | 'messages'>): boolean {
  return (
    isRecord(json['cache_control']) ||
    isRecord(json['diagnostics']) ||
    toolsOf(json['tools']).some((tool) => markOf(tool) !== null) ||
    systemBlocks(json['system']).some((block) => markOf(block) !== null) ||
    placedBlocks(messages).some(({ block }) => markOf(block) !== null || innerMark(block) !== null)
  )
}

class Parts {
  readonly all: PromptPart[] = []
  marked = false
  #key: string
  #position = 0
  #tokens = 0
  #run = ''

  constructor(key: string) {
    this.#key = key
  }

  /** @param text what is hashed of the block; empty: nothing */
  add(block: Readonly<Record<string, unknown>>, text: string, mark = markOf(block)): void {
    const type = String(block['type'])
    const goesOn = (type === 'tool_use' || type === 'tool_result') && type === this.#run
    this.#run = type
    if (!goesOn) this.#position++
    if (text !== '') this.#key = digest(`${this.#key}\n${text}`)
    this.#tokens += tokensOfValue(block)
    if (mark) this.marked = true
    this.all.push({ key: this.#key, position: this.#position, tokens: this.#tokens, mark })
  }

  /** A part of the prompt begins that depends on these settings, too. */
  turn(settings: unknown): void {
    this.#key = digest(`${this.#key}\n${JSON.stringify(settings)}`)
  }
}

function isSearch(tool: Readonly<Record<string, unknown>>): boolean {
  return typeof tool['type'] === 'string' && tool['type'].startsWith('web_search_')
}

function systemSettings(
  json: PromptRequest['json'],
  tools: ReadonlyArray<Readonly<Record<string, unknown>>>,
  messages: readonly RequestMessage[],
): unknown {
  const cites = placedBlocks(messages).some(
    ({ block }) => isRecord(block['citations']) && block['citations']['enabled'] === true,
  )
  return { search: tools.filter(isSearch).map(canonical), cites, speed: json['speed'] ?? 'standard' }
}

/** The settings on which the cached messages depend; a default that is written out is no other setting. */
export function messageSettings(
  json: PromptRequest['json'],
  model: SimulatedModel,
  messages: readonly RequestMessage[],
): unknown {
  const thinking = thinkingOf(json, model)
  const output = isRecord(json['output_config']) ? json['output_config'] : {}
  const choice = isRecord(json['tool_choice']) ? json['tool_choice'] : {}
  return {
    choice: { type: 'auto', disable_parallel_tool_use: false, ...choice },
    pictures: countPictures(placedBlocks(messages).map(({ block }) => block)),
    thinking: [thinking.type, thinking['budget_tokens']],
    effort: output['effort'] ?? model.rules.effort,
    format: output['format'] ?? null,
  }
}

function countPictures(blocks: readonly Block[]): number {
  let count = 0
  for (const block of blocks) {
    if (block.type === 'image') count++
    else if (Array.isArray(block['content'])) count += countPictures(block['content'] as Block[])
  }
  return count
}

/** A mark inside a result is one at its end. */
function innerMark(block: Block): Ttl | null {
  if (block.type !== 'tool_result' || !Array.isArray(block['content'])) return null
  const marked = block['content'].findLast((inner) => isRecord(inner) && markOf(inner) !== null)
  return marked ? markOf(marked as Block) : null
}
