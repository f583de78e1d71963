import type { IncomingMessage, ServerResponse } from 'node:http'
import { apiError, sendApiError } from './api-errors.ts'
import {
  AUTHORIZE_PATH,
  CALLBACK_PATH,
  decideAuthorize,
  showAuthorize,
  showCode,
} from './authority/authorize-page.ts'
import { handleToken } from './authority/token-endpoint.ts'
import { handleControl } from './control/control-api.ts'
import { handleMessages, newRequestId } from './messages/messages.ts'
import { handleCountTokens, handleModel, handleModels } from './messages/models.ts'
import type { Sandbox } from './types.ts'
import type { World } from './world.ts'

export const TOKEN_PATH = '/v1/oauth/token'
const MODELS_PATH = '/v1/models'

/** Routes a request to its handler. */
export async function route(
  world: World,
  sandbox: Sandbox,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  const { method, url: target = '/' } = req
  // Compared as text first: this endpoint gets a thousand requests a second.
  if (method === 'POST' && (target === '/v1/messages' || target.startsWith('/v1/messages?'))) {
    return handleMessages(world, req, res)
  }
  const url = new URL(target, world.url())
  const path = url.pathname
  switch (`${method} ${path}`) {
    case `POST ${TOKEN_PATH}`:
      return handleToken(world, req, res)
    case 'POST /v1/messages/count_tokens':
      return handleCountTokens(world, req, res)
    case `GET ${MODELS_PATH}`:
      return handleModels(world, req, res, url.searchParams)
    case `GET ${AUTHORIZE_PATH}`:
      return showAuthorize(res, url.searchParams)
    case `POST ${AUTHORIZE_PATH}`:
      return decideAuthorize(world, req, res)
    case `GET ${CALLBACK_PATH}`:
      return showCode(res, url.searchParams)
  }
  if (method === 'GET' && path.startsWith(`${MODELS_PATH}/`)) {
    return handleModel(world, req, res, decodeURIComponent(path.slice(MODELS_PATH.length + 1)))
  }
  if (path === '/sandbox' || path.startsWith('/sandbox/')) return handleControl(world, sandbox, req, res, url)
  if (path === TOKEN_PATH) {
    return sendApiError(res, apiError(405, 'invalid_request_error', 'Method Not Allowed'), newRequestId())
  }
  sendApiError(res, apiError(404, 'not_found_error', 'Not found'), newRequestId())
}
