import type { RequestBounds } from '../usage/cost.ts'
import { attachmentTokens, estimateTokens } from './context/history.ts'
import type { ModelRequest, ModelText } from './model.ts'

/** The type of the provider's search among its tools. */
const SEARCH = /^web_search_/

/** What a request can come to at most, estimated from what it sends. Reads all of it. */
export function boundsOf({
  system,
  chatSystem,
  messages,
  maxTokens,
  ...offered
}: ModelRequest): RequestBounds {
  const { tools = [], serverTools = [] } = offered
  const fixed = [system ?? '', chatSystem ?? '', ...tools.map((tool) => JSON.stringify(tool)), ...serverTools]
  const sent = messages.flatMap((message) => [...(message.before ?? []), message, ...(message.further ?? [])])
  const tokens = [...fixed.map(estimateTokens), ...sent.map(tokensOf)]
  return {
    inputTokens: tokens.reduce((sum, of) => sum + of, 0),
    maxTokens,
    searches: serverTools.reduce((sum, tool) => sum + searchesOf(tool), 0),
  }
}

function tokensOf(sent: string | ModelText): number {
  if (typeof sent === 'string') return estimateTokens(sent)
  const { blocks, context, text, attachments } = sent
  if (blocks !== undefined) return estimateTokens(blocks)
  const files = attachments.reduce(
    (sum, { mediaType, bytes }) => sum + attachmentTokens({ mediaType, size: bytes.length }),
    0,
  )
  return estimateTokens(context ?? '') + estimateTokens(text) + files
}

/** @param tool JSON text of its definition */
function searchesOf(tool: string): number {
  const { type, max_uses } = JSON.parse(tool) as { readonly type?: unknown; readonly max_uses?: unknown }
  return SEARCH.test(String(type)) && typeof max_uses === 'number' ? max_uses : 0
}
