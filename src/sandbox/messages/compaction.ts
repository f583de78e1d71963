import { createHmac } from 'node:crypto'
import { apiError, type ApiFailure } from '../api-errors.ts'
import { isRecord } from '../http.ts'
import { openServerCalls } from './checks/server-calls.ts'
import { blocksOf, placedBlocks, systemBlocks, type Block, type RequestMessage } from './content.ts'
import type { SimulatedModel } from './model-table.ts'
import { digestAll } from './thinking/prefix.ts'
import { digest } from './thinking/signature.ts'

type Fields = Readonly<Record<string, unknown>>

/** Of each message, in what is made of all. */
const QUOTED_CHARACTERS = 40
/** Of all of it: as long as a summary is. */
const LONGEST_SUMMARY = 2_000
/** The sandbox protects nothing; a block that it has not made is found out. */
const KEY = 'sandbox'

/** Fields that only shape a reply. @see withoutCompactionIncompatibleParams in the SDK's BetaToolRunner */
const FOR_REPLIES = 'can not be combined with `compaction`.'

/** Whether the messages are to be compacted, not answered. */
export function isCompaction(json: Fields): boolean {
  return isRecord(json['compaction'])
}

/** What is wrong with a request to compact, in the words of the service; null: nothing. */
export function compactionSettingsFault(json: Fields, model: SimulatedModel): string | null {
  const { compaction } = json
  if (compaction === undefined || compaction === null) return null
  if (!isRecord(compaction)) return 'compaction: Input should be an object'
  const { type, instructions, ...extra } = compaction
  if (type !== 'summarize') return "compaction.type: Input should be 'summarize'"
  if (instructions !== undefined && instructions !== null && typeof instructions !== 'string')
    return 'compaction.instructions: Input should be a valid string'
  const [unknown] = Object.keys(extra)
  if (unknown !== undefined) return `compaction.${unknown}: Extra inputs are not permitted`
  if (!model.capabilities.compaction.summarize.supported)
    return 'compaction: "summarize" is not supported by this model.'
  const { tool_choice: choice, stop_sequences: stops, output_config: output } = json
  if (isRecord(json['context_management'])) return `context_management ${FOR_REPLIES}`
  if (Array.isArray(stops) && stops.length > 0) return `stop_sequences ${FOR_REPLIES}`
  if (isRecord(choice) && (choice['type'] === 'any' || choice['type'] === 'tool'))
    return `tool_choice ${FOR_REPLIES}`
  return isRecord(output) && output['format'] ? `output_config.format ${FOR_REPLIES}` : null
}

/**
 * Whether what was compacted earlier stands first and is what the service has signed, and whether there is something to
 * compact; null: nothing is wrong.
 */
export function compactionFault(
  json: Fields,
  messages: readonly RequestMessage[],
  model: SimulatedModel,
): ApiFailure | null {
  const placed = placedBlocks(messages)
  // Without content it replaces nothing, wherever it is.
  const made = placed.filter(
    ({ block }) => block.type === 'compaction' && typeof block['content'] === 'string',
  )
  const [first, second] = made
  if (second) return refusal('block_ambiguous', second.path, 'There is more than one `compaction` block.')
  if (first && first.block !== placed[0]!.block)
    return refusal('block_misplaced', first.path, 'A `compaction` block must be first in `messages`.')
  const changed = first && changeOf(first.block, json, model)
  if (changed) return refusal(changed, first.path, 'The `compaction` block is not as it was returned.')
  if (!isCompaction(json)) return null
  if (isUnfinished(messages))
    return refusal('incomplete_turn', 'messages', 'The conversation ends in the middle of a turn.')
  return placed.length === made.length
    ? refusal('nothing_to_summarize', 'messages', 'There is nothing to summarize.')
    : null
}

function refusal(code: string, path: string, message: string): ApiFailure {
  return apiError(400, 'invalid_request_error', `${path}: ${message}`, { error_code: `compaction_${code}` })
}

/** The block that replaces these messages. */
export function compact(json: Fields, messages: readonly RequestMessage[], model: SimulatedModel): Block {
  const content = summaryOf(messages)
  return {
    type: 'compaction',
    content,
    encrypted_content: digest(content),
    signature: sign(content, json, model),
    tool_changes: [],
  }
}

function summaryOf(messages: readonly RequestMessage[]): string {
  const lines = messages.flatMap(({ role, content }) =>
    blocksOf(content).flatMap((block) => {
      const text = block.type === 'compaction' ? block['content'] : block['text']
      return typeof text === 'string' ? `${role}: ${text.slice(0, QUOTED_CHARACTERS)}` : []
    }),
  )
  return `A summary of ${messages.length} messages.\n${lines.join('\n')}`.slice(0, LONGEST_SUMMARY)
}

/** It can be checked without any state, also after a restart. */
function sign(content: string, json: Fields, model: SimulatedModel): string {
  const text = digest(content)
  return `${text}.${seal(text, json, model)}`
}

function seal(text: string, json: Fields, model: SimulatedModel): string {
  const system = digestAll(systemBlocks(json['system']))
  return createHmac('sha256', KEY).update(`${text}.${model.id}.${system}`).digest('base64url')
}

function changeOf(block: Block, json: Fields, model: SimulatedModel): string | null {
  const { content, signature, tool_changes: changes } = block
  const [text = '', sealed] = String(signature).split('.')
  if (sealed !== seal(text, json, model)) return 'signature_invalid'
  if (text !== digest(String(content))) return 'content_mismatch'
  return Array.isArray(changes) && changes.length === 0 ? null : 'tool_changes_mismatch'
}

function isUnfinished(messages: readonly RequestMessage[]): boolean {
  const blocks = blocksOf(messages.at(-1)!.content)
  const isOpen = blocks.some(({ type }) => type === 'tool_use' || type === 'tool_result')
  return isOpen || openServerCalls(messages).length > 0
}
