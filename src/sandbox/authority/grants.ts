import { SECOND } from '../../support/clock.ts'
import { fingerprint } from '../../support/secret.ts'
import type { World } from '../world.ts'
import type { Family, IssuedPair } from './authority.ts'
import { DEFAULT_ACCOUNT } from './authority.ts'
import type { TokenRequest } from './token-request.ts'

/** The answer to a token request: what was decided, not yet how it is sent. */
export interface TokenAnswer {
  readonly status: number
  readonly body: Readonly<Record<string, unknown>>
  /** `issued`, or the error code. */
  readonly outcome: string
  /** Of the access token that was issued, else null. */
  readonly issued: string | null
}

/** @see https://www.rfc-editor.org/rfc/rfc7523#section-2.1 */
const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer'

export interface GrantVariant {
  /** false: the refresh token stays valid, and the answer carries none. */
  readonly rotate?: boolean
  /** Answers with the tokens of another account and leaves the grant unspent. */
  readonly stranger?: boolean
}

/**
 * Carries out a grant.
 *
 * @see https://www.rfc-editor.org/rfc/rfc6749#section-5
 */
export function carryOut(world: World, request: TokenRequest, variant: GrantVariant = {}): TokenAnswer {
  if (request.encoding === 'other')
    return anthropicError(400, 'invalid_request_error', 'Invalid request format')
  if (variant.stranger) return grantToStranger(world)
  if (request.grant === 'authorization_code') return exchange(world, request)
  if (request.grant === 'refresh_token') return refresh(world, request, variant)
  if (request.grant === JWT_BEARER) return federate(world, request)
  if (request.grant === '') return anthropicError(400, 'invalid_request_error', 'Invalid request format')
  return oauthError('unsupported_grant_type', `${request.grant} is not supported`)
}

/** An error as RFC 6749 §5.2 shapes it. */
export function oauthError(error: string, description: string, status = 400): TokenAnswer {
  return { status, body: { error, error_description: description }, outcome: error, issued: null }
}

/** An error as the rest of Anthropic's API shapes it. */
export function anthropicError(status: number, type: string, message: string): TokenAnswer {
  const body = { type: 'error', error: { type, message }, request_id: 'req_sandbox_token' }
  return { status, body, outcome: type, issued: null }
}

function exchange(world: World, { params }: TokenRequest): TokenAnswer {
  const { code, state, redirect_uri, client_id, code_verifier } = params
  if (!code || !state || !redirect_uri || !client_id || !code_verifier) {
    return anthropicError(400, 'invalid_request_error', 'Invalid request format')
  }
  const outcome = world.codes.exchange({
    code,
    state,
    redirectUri: redirect_uri,
    clientId: client_id,
    verifier: code_verifier,
  })
  if (outcome.kind === 'refused') return oauthError('invalid_grant', outcome.why)
  if (outcome.kind === 'replayed') {
    world.authority.revokeFamily(outcome.family)
    const account = outcome.family.accountId
    world.events.add({ kind: 'replayed', account, presented: fingerprint(code) })
    return oauthError('invalid_grant', 'Authorization code not found or invalid')
  }
  const { request, approver } = outcome
  const pair = world.authority.signIn({ ...approver, scopes: request.scopes })
  world.codes.used(code, request, approver, pair.family)
  world.events.add({ kind: 'signed-in', account: approver.accountId, issued: pair.access.fingerprint })
  return issued(world, pair)
}

function refresh(world: World, { params }: TokenRequest, variant: GrantVariant): TokenAnswer {
  const token = params['refresh_token']
  if (!token || !params['client_id']) {
    return anthropicError(400, 'invalid_request_error', 'Invalid request format')
  }
  const presented = fingerprint(token)
  const outcome = world.authority.refresh(token, variant.rotate)
  switch (outcome.kind) {
    case 'issued': {
      const { family, access } = outcome.pair
      const account = family.accountId
      world.events.add({ kind: 'rotated', account, presented, issued: access.fingerprint })
      return issued(world, outcome.pair)
    }
    case 'replayed':
      world.events.add({ kind: 'replayed', account: outcome.family.accountId, presented })
      return oauthError('invalid_grant', 'Refresh token not found or invalid')
    case 'expired':
      return oauthError('invalid_grant', 'Refresh token expired')
    case 'unknown':
    case 'revoked':
      return oauthError('invalid_grant', 'Refresh token not found or invalid')
  }
}

/**
 * A workload's identity token becomes an access token. Whose it is, is not checked: no identity provider is
 * simulated.
 */
function federate(world: World, { params }: TokenRequest): TokenAnswer {
  if (!params['assertion'] || !params['federation_rule_id']) {
    return anthropicError(400, 'invalid_request_error', 'Invalid request format')
  }
  const pair = world.authority.inferenceToken()
  world.events.add({ kind: 'signed-in', account: pair.family.accountId, issued: pair.access.fingerprint })
  return issued(world, pair)
}

function grantToStranger(world: World): TokenAnswer {
  const own = world.authority.signIn(DEFAULT_ACCOUNT).family
  return issued(world, world.authority.issueForStranger(own))
}

function issued(world: World, pair: IssuedPair): TokenAnswer {
  const { family } = pair
  const refresh_token_expires_in = signInSeconds(world, family)
  const body = {
    token_type: 'Bearer',
    access_token: pair.accessToken,
    expires_in: family.lifetimeMs / SECOND,
    ...(pair.refreshToken === null ? {} : { refresh_token: pair.refreshToken, refresh_token_expires_in }),
    scope: family.scopes.join(' '),
    account: { uuid: family.accountId, email_address: family.email },
    organization: { uuid: family.organizationId, name: 'Sandbox' },
  }
  return { status: 200, body, outcome: 'issued', issued: pair.access.fingerprint }
}

function signInSeconds(world: World, family: Family): number {
  return Math.max(0, Math.floor((family.endsAt - world.clock.now()) / SECOND))
}
