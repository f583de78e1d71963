import type { IncomingMessage, ServerResponse } from 'node:http'
import { apiError, sendApiError } from '../api-errors.ts'
import { readBody, sendJson } from '../http.ts'
import type { World } from '../world.ts'
import { isFailure, readMessageRequest } from './message-request.ts'
import { newRequestId, refuse } from './messages.ts'

const MODELS = [
  modelInfo('claude-sonnet-5-5', 'Claude Sonnet 5.5 (simulated)', 'sonnet'),
  modelInfo('claude-opus-5-5', 'Claude Opus 5.5 (simulated)', 'opus'),
  modelInfo('claude-haiku-5-5', 'Claude Haiku 5.5 (simulated)', 'haiku'),
]

/** `GET /v1/models` and `GET /v1/models/:id`. */
export function handleModels(
  world: World,
  req: IncomingMessage,
  res: ServerResponse,
  id: string | null,
): void {
  const requestId = newRequestId()
  if (refuse(world, req, res, requestId)) return
  const headers = { 'request-id': requestId }
  if (id === null) {
    const page = { data: MODELS, has_more: false, first_id: MODELS[0]!.id, last_id: MODELS.at(-1)!.id }
    return sendJson(res, 200, { ...page, next_page: null }, headers)
  }
  const model = MODELS.find((known) => known.id === id)
  if (!model) return sendApiError(res, apiError(404, 'not_found_error', `model: ${id}`), requestId)
  sendJson(res, 200, model, headers)
}

/** `POST /v1/messages/count_tokens`. */
export async function handleCountTokens(
  world: World,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  const requestId = newRequestId()
  const body = await readBody(req)
  if (refuse(world, req, res, requestId)) return
  const request = readMessageRequest(body ?? Buffer.alloc(0), false)
  if (isFailure(request)) return sendApiError(res, request, requestId)
  sendJson(res, 200, { input_tokens: request.inputTokens }, { 'request-id': requestId })
}

function modelInfo(id: string, displayName: string, line: string) {
  return {
    type: 'model',
    id,
    display_name: displayName,
    line,
    lifecycle: 'active',
    created_at: '2026-01-01T00:00:00Z',
    deprecated_at: null,
    retires_at: null,
    max_input_tokens: 200_000,
    max_tokens: 64_000,
    capabilities: null,
  }
}
