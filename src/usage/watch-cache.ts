import type { Model, ModelAnswer, ModelMessage, ModelRequest, ModelText } from '../conversation/model.ts'
import { HOUR, MINUTE, type Clock } from '../support/clock.ts'
import type { CacheRecord } from './cache-record.ts'
import type { CachedRequest } from './cache-watch.ts'

const LIVES = { '5m': 5 * MINUTE, '1h': HOUR } as const
/** With tools of its own the provider asks the model several times, and counts the prompts together. */
const SERVER_TOOL = '"server_tool_use"'
/** In the text of blocks. Within a string its quotation marks are escaped. */
const PICTURE_BLOCK = '"type":"image"'

/** `model`, whose answers to conversations are recorded by what they have read from the cache. */
export function watchCache(model: Model, record: Pick<CacheRecord, 'add'>, clock: Clock): Model {
  return {
    ...model,
    async answer(request, listener) {
      const answer = await model.answer(request, listener)
      const cached = cachedRequestOf(request, answer, clock.now())
      if (cached !== null) record.add(request.conversation!, cached, clock.now())
      return answer
    },
  }
}

/** @returns null where there is nothing to judge it by: nothing is kept, or nobody keeps the conversation */
export function cachedRequestOf(
  request: ModelRequest,
  answer: ModelAnswer,
  now: number,
): CachedRequest | null {
  const { conversation, epoch, cache } = request
  if (conversation === undefined || !epoch || cache?.scope !== 'conversation') return null
  const { inputTokens, cacheReadTokens: readTokens, cacheWriteTokens: writtenTokens } = answer.usage
  // A plain answer has its text in no other form yet.
  const hasServerTools = answer.isPlain !== true && answer.content.includes(SERVER_TOOL)
  return {
    epoch: epoch.id,
    epochReason: epoch.reason,
    model: request.model,
    toolChoice: request.toolChoice ?? null,
    pictures: request.messages.reduce((sum, message) => sum + picturesIn(message), 0),
    messages: request.messages.length,
    startedAt: now - answer.modelMs,
    lifeMs: LIVES[cache.ttl],
    inputTokens: hasServerTools ? null : inputTokens + readTokens + writtenTokens,
    readTokens,
    writtenTokens,
    miss: answer.cacheMiss?.reason ?? null,
  }
}

function picturesIn(message: ModelMessage): number {
  return [message, ...(message.further ?? [])].reduce((sum, text) => sum + picturesOf(text), 0)
}

function picturesOf({ attachments, blocks }: ModelText): number {
  if (blocks !== undefined) return blocks.split(PICTURE_BLOCK).length - 1
  return attachments.filter(({ mediaType }) => mediaType.startsWith('image/')).length
}
