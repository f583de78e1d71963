import type { IncomingMessage, ServerResponse } from 'node:http'
import { apiError, sendApiError, type ApiFailure } from '../api-errors.ts'
import { readBody, sendJson } from '../http.ts'
import type { World } from '../world.ts'
import { isFailure, readMessageRequest } from './message-request.ts'
import { newRequestId, refuse } from './messages.ts'
import { modelInfo, simulatedModel, type SimulatedModel } from './model-table.ts'
import { checkPresented } from './presented.ts'

/** As the endpoint has it. @see https://docs.anthropic.com/en/api/models-list */
const DEFAULT_PAGE = 20
const LARGEST_PAGE = 1_000

/** `GET /v1/models`, by pages. */
export function handleModels(
  world: World,
  req: IncomingMessage,
  res: ServerResponse,
  query: URLSearchParams,
): void {
  const requestId = newRequestId()
  world.events.counts.modelLists++
  if (refuse(world, req, res, requestId)) return
  const page = pageOf(world.models, query)
  if ('status' in page) return sendApiError(res, page, requestId)
  sendJson(res, 200, page, { 'request-id': requestId })
}

/** `GET /v1/models/:id`. */
export function handleModel(world: World, req: IncomingMessage, res: ServerResponse, id: string): void {
  const requestId = newRequestId()
  if (refuse(world, req, res, requestId)) return
  const model = simulatedModel(world.models, id)
  if (!model) return sendApiError(res, apiError(404, 'not_found_error', `model: ${id}`), requestId)
  sendJson(res, 200, modelInfo(model), { 'request-id': requestId })
}

function pageOf(models: readonly SimulatedModel[], query: URLSearchParams) {
  const limit = Number(query.get('limit') ?? DEFAULT_PAGE)
  if (!Number.isInteger(limit) || limit < 1 || limit > LARGEST_PAGE) {
    return invalid(`limit: Input should be from 1 to ${LARGEST_PAGE}`)
  }
  const asked = query.getAll('lifecycle[]')
  const listed = models.filter(({ lifecycle }) =>
    asked.length > 0 ? asked.includes(lifecycle) : lifecycle !== 'retired',
  )
  const after = query.get('after_id')
  const first = after === null ? 0 : listed.findIndex(({ id }) => id === after) + 1
  if (after !== null && first === 0) return invalid('after_id: no such model')
  const data = listed.slice(first, first + limit).map(modelInfo)
  return {
    data,
    has_more: first + limit < listed.length,
    first_id: data[0]?.id ?? null,
    last_id: data.at(-1)?.id ?? null,
  }
}

function invalid(message: string): ApiFailure {
  return apiError(400, 'invalid_request_error', message)
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
  const request = readMessageRequest(body ?? Buffer.alloc(0), {
    models: world.models,
    organization: checkPresented(world, req).organization,
    betas: String(req.headers['anthropic-beta'] ?? ''),
    needsMaxTokens: false,
  })
  if (isFailure(request)) return sendApiError(res, request, requestId)
  sendJson(res, 200, { input_tokens: request.inputTokens }, { 'request-id': requestId })
}
