import { DAY } from '../../support/clock.ts'
import type { CacheMissReason } from './cache/cache-diagnostics.ts'
import type { CacheUse } from './cache/prompt-cache.ts'
import { CONTAINER_ID } from './checks/check-settings.ts'
import type { Reply } from './compose.ts'
import type { Block } from './content.ts'
import type { InputTransformation } from './thinking/bind-thinking.ts'

/** Idle containers live so long. */
const CONTAINER_LIFE_MS = 30 * DAY

/** An answer with everything that the service reports about it. */
export interface AnswerBody extends Reply {
  readonly id: string
  readonly model: string
  /** Neither read from the cache nor written to it. */
  readonly inputTokens: number
  readonly cache: CacheUse
  /** null: nothing was asked, or nothing is to be said. */
  readonly missReason: CacheMissReason | null
  /** null: the request did not ask for them. */
  readonly transformations: readonly InputTransformation[] | null
  readonly container: unknown
}

/** The message as it comes whole, and without content in the first event of a stream. */
export function messageBody(answer: AnswerBody, phase: 'whole' | 'start'): Record<string, unknown> {
  const whole = phase === 'whole'
  return {
    id: answer.id,
    type: 'message',
    role: 'assistant',
    model: answer.model,
    content: whole ? answer.blocks : [],
    container: whole ? answer.container : null,
    diagnostics: answer.missReason ? { cache_miss_reason: answer.missReason } : null,
    stop_details: whole ? answer.stopDetails : null,
    stop_reason: whole ? answer.stopReason : null,
    stop_sequence: null,
    usage: usageOf(answer, whole),
    ...(answer.transformations ? { input_transformations: answer.transformations } : {}),
  }
}

/** The container that code has run in; null: none has. */
export function containerOf(blocks: readonly Block[], now: number): unknown {
  if (!blocks.some(({ type }) => type.endsWith('code_execution_tool_result'))) return null
  const expires = new Date(now + CONTAINER_LIFE_MS).toISOString()
  return { id: CONTAINER_ID, expires_at: expires, skills: null }
}

function usageOf(answer: AnswerBody, whole: boolean): Record<string, unknown> {
  if (isCompaction(answer)) return compactionUsage(answer, whole)
  const { cache, inputTokens, outputTokens } = answer
  const written = cache.written5m + cache.written1h
  return {
    input_tokens: inputTokens,
    cache_creation:
      written === 0 && cache.read === 0
        ? null
        : { ephemeral_5m_input_tokens: cache.written5m, ephemeral_1h_input_tokens: cache.written1h },
    cache_creation_input_tokens: written,
    cache_read_input_tokens: cache.read,
    inference_geo: null,
    output_tokens: whole ? outputTokens : Math.min(1, outputTokens),
    output_tokens_details: whole ? outputDetails(answer) : null,
    server_tool_use: whole ? serverToolUse(answer) : null,
    service_tier: 'standard',
    speed: null,
  }
}

/** The counts at the end of a stream are those of the whole answer. */
export function finalUsage(answer: AnswerBody): Record<string, unknown> {
  if (isCompaction(answer)) return compactionUsage(answer, true)
  const { cache, inputTokens, outputTokens } = answer
  return {
    input_tokens: inputTokens,
    cache_creation_input_tokens: cache.written5m + cache.written1h,
    cache_read_input_tokens: cache.read,
    output_tokens: outputTokens,
    output_tokens_details: outputDetails(answer),
    server_tool_use: serverToolUse(answer),
  }
}

function isCompaction({ stopReason }: AnswerBody): boolean {
  return stopReason === 'compaction'
}

/** What compacting costs is in no other figure than its own. */
function compactionUsage(
  { cache, inputTokens, outputTokens }: AnswerBody,
  whole: boolean,
): Record<string, unknown> {
  const nothing = {
    input_tokens: 0,
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: 0,
    output_tokens: 0,
  }
  if (!whole) return nothing
  const spent = {
    type: 'compaction',
    input_tokens: inputTokens,
    cache_creation_input_tokens: cache.written5m + cache.written1h,
    cache_read_input_tokens: cache.read,
    output_tokens: outputTokens,
  }
  return { ...nothing, iterations: [spent] }
}

function outputDetails({ thinkingTokens }: AnswerBody): unknown {
  return thinkingTokens > 0 ? { thinking_tokens: thinkingTokens } : null
}

function serverToolUse({ blocks }: AnswerBody): unknown {
  const count = (type: string) => blocks.filter((block) => block.type === type).length
  const searches = count('web_search_tool_result')
  const fetches = count('web_fetch_tool_result')
  return searches + fetches > 0 ? { web_search_requests: searches, web_fetch_requests: fetches } : null
}
