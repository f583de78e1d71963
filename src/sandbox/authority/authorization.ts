import { createHash, randomBytes } from 'node:crypto'
import { MINUTE, type Clock } from '../../support/clock.ts'
import { isLoopbackHost } from '../../support/loopback.ts'
import type { Family } from './authority.ts'

/** What an authorize address asks for, checked. */
export interface AuthorizationRequest {
  readonly clientId: string
  readonly redirectUri: string
  readonly scopes: readonly string[]
  readonly state: string
  readonly challenge: string
}

export interface Approver {
  readonly accountId: string
  readonly email: string
}

interface PendingCode {
  readonly request: AuthorizationRequest
  readonly approver: Approver
  readonly expiresAt: number
  /** Set once the code was exchanged: a replay revokes that sign-in. */
  family: Family | null
}

export interface CodeExchange {
  readonly code: string
  readonly state: string
  readonly redirectUri: string
  readonly clientId: string
  readonly verifier: string
}

export type ExchangeOutcome =
  | { readonly kind: 'granted'; readonly request: AuthorizationRequest; readonly approver: Approver }
  | { readonly kind: 'refused'; readonly why: string }
  | { readonly kind: 'replayed'; readonly family: Family }

/** A code is exchanged within seconds; ten minutes is what RFC 6749 §4.1.2 allows at most. */
const CODE_LIFE_MS = 10 * MINUTE
/** SHA-256 in base64url without padding. */
const CHALLENGE = /^[A-Za-z0-9_-]{43}$/
const MANUAL_PATH = '/oauth/code/callback'

/** Reads the parameters of the authorize address; a string says what is wrong with them. */
export function readAuthorizationRequest(params: URLSearchParams): AuthorizationRequest | string {
  const value = (name: string) => params.get(name) ?? ''
  if (value('response_type') !== 'code') return 'response_type must be code'
  if (value('client_id') === '') return 'client_id is missing'
  if (value('state').length < 8) return 'state is missing or too short'
  if (value('code_challenge_method') !== 'S256') return 'code_challenge_method must be S256'
  if (!CHALLENGE.test(value('code_challenge'))) return 'code_challenge must be 43 characters of base64url'
  const redirectUri = value('redirect_uri')
  if (!isManual(redirectUri) && !isLoopback(redirectUri)) {
    return `redirect_uri must be a loopback address or end in ${MANUAL_PATH}`
  }
  const scopes = value('scope').split(' ').filter(Boolean)
  if (scopes.length === 0) return 'scope is missing'
  return {
    clientId: value('client_id'),
    redirectUri,
    scopes,
    state: value('state'),
    challenge: value('code_challenge'),
  }
}

/** Whether this redirect address shows the code for copying. */
export function isManual(redirectUri: string): boolean {
  return URL.canParse(redirectUri) && new URL(redirectUri).pathname === MANUAL_PATH
}

function isLoopback(address: string): boolean {
  if (!URL.canParse(address)) return false
  const { protocol, hostname } = new URL(address)
  return protocol === 'http:' && isLoopbackHost(hostname)
}

/** Authorization codes: single-use, bound to the request that they were given for. */
export class AuthorizationCodes {
  readonly #clock: Clock
  readonly #codes = new Map<string, PendingCode>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  issue(request: AuthorizationRequest, approver: Approver): string {
    const code = randomBytes(24).toString('base64url')
    this.#codes.set(code, { request, approver, expiresAt: this.#clock.now() + CODE_LIFE_MS, family: null })
    return code
  }

  /**
   * Validates an exchange. The code is spent by the first attempt, whatever its outcome.
   *
   * @see https://www.rfc-editor.org/rfc/rfc7636#section-4.6
   */
  exchange(exchange: CodeExchange): ExchangeOutcome {
    const pending = this.#codes.get(exchange.code)
    if (!pending) return { kind: 'refused', why: 'Authorization code not found or invalid' }
    if (pending.family) return { kind: 'replayed', family: pending.family }
    this.#codes.delete(exchange.code)
    const { request } = pending
    if (this.#clock.now() >= pending.expiresAt) return { kind: 'refused', why: 'Authorization code expired' }
    if (request.redirectUri !== exchange.redirectUri) return { kind: 'refused', why: 'Redirect URI mismatch' }
    if (request.clientId !== exchange.clientId) return { kind: 'refused', why: 'Client mismatch' }
    if (request.state !== exchange.state) return { kind: 'refused', why: 'State mismatch' }
    const challenge = createHash('sha256').update(exchange.verifier).digest('base64url')
    if (challenge !== request.challenge) return { kind: 'refused', why: 'Code verifier does not match' }
    return { kind: 'granted', request, approver: pending.approver }
  }

  /** Records the sign-in that `code` gave, so that a replay can revoke it. */
  used(code: string, request: AuthorizationRequest, approver: Approver, family: Family): void {
    this.#codes.set(code, { request, approver, expiresAt: 0, family })
  }
}
