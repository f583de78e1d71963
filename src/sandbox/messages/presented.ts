import type { IncomingMessage } from 'node:http'
import { fingerprint } from '../../support/secret.ts'
import { apiError, type ApiFailure } from '../api-errors.ts'
import type { World } from '../world.ts'

/** The credential that a request to the Messages API presents, and whether it is accepted. */
export interface Presented {
  readonly kind: 'oauth' | 'api-key' | 'none'
  readonly fingerprint: string
  /** Whose cache and whose thinking it reaches: a person's account, or the workspace of all keys. */
  readonly organization: string
  /** null: accepted. */
  readonly refusal: ApiFailure | null
}

const OAUTH_BETA = 'oauth-2025-04-20'
const INFERENCE_SCOPE = 'user:inference'
const API_KEY = /^sk-ant-api\d\d-/
const WORKSPACE_OF_KEYS = 'workspace'

/** Checks `x-api-key`, else the bearer token (which may hold an API key), as the Messages API does. */
export function checkPresented(world: World, req: IncomingMessage): Presented {
  const key = req.headers['x-api-key']
  if (typeof key === 'string') return checkKey(world, key)
  const [scheme, token] = (req.headers.authorization ?? '').split(' ')
  if (scheme?.toLowerCase() !== 'bearer' || !token) {
    const refusal = apiError(401, 'authentication_error', 'x-api-key header is required')
    return { kind: 'none', fingerprint: '', organization: '', refusal }
  }
  // The official SDK sends API keys as bearer tokens, too.
  if (API_KEY.test(token)) return checkKey(world, token)
  return checkToken(world, token, String(req.headers['anthropic-beta'] ?? ''))
}

function checkKey(world: World, key: string): Presented {
  const known = world.authority.checkApiKey(key)
  const live = known ? known.live : world.acceptAnyApiKey && API_KEY.test(key)
  return {
    kind: 'api-key',
    fingerprint: known?.fingerprint ?? fingerprint(key),
    organization: WORKSPACE_OF_KEYS,
    refusal: live ? null : apiError(401, 'authentication_error', 'invalid x-api-key'),
  }
}

function checkToken(world: World, token: string, beta: string): Presented {
  const access = world.authority.check(token)
  const presented = (refusal: ApiFailure | null): Presented => ({
    kind: 'oauth',
    fingerprint: access.kind === 'unknown' ? fingerprint(token) : access.record.fingerprint,
    organization: access.kind === 'unknown' ? '' : access.record.family.accountId,
    refusal,
  })
  if (!beta.includes(OAUTH_BETA)) {
    return presented(
      apiError(401, 'authentication_error', 'OAuth authentication is currently not supported.'),
    )
  }
  switch (access.kind) {
    case 'unknown':
      return presented(apiError(401, 'authentication_error', 'Invalid bearer token'))
    case 'revoked':
      return presented(apiError(401, 'authentication_error', 'OAuth access token has been revoked'))
    case 'expired':
      return presented(
        apiError(401, 'authentication_error', 'OAuth token has expired. Please refresh your existing token.'),
      )
    case 'live':
      if (access.record.family.scopes.includes(INFERENCE_SCOPE)) return presented(null)
      return presented(
        apiError(403, 'permission_error', `OAuth token does not meet scope requirement ${INFERENCE_SCOPE}`),
      )
  }
}
