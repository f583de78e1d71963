import {
  allowInsecureRequests,
  authorizationCodeGrantRequest,
  customFetch,
  None,
  refreshTokenGrantRequest,
  validateAuthResponse,
  type AuthorizationServer,
  type Client,
  type TokenEndpointRequestOptions,
} from 'oauth4webapi'
import type { OAuthConfig } from '../config/config.ts'
import { SECOND, sleep, systemClock, type Clock } from '../support/clock.ts'
import { isLoopbackHost } from '../support/loopback.ts'
import type { Secret } from '../support/secret.ts'
import {
  parseTokenAnswer,
  serverDate,
  type IssuedTokens,
  type ParsedAnswer,
  type TokenAnswer,
} from './token-answer.ts'

export type { IssuedTokens } from './token-answer.ts'

/** Where and as whom the gateway signs in: `auth.oauth` of the configuration. */
export type OAuthSettings = OAuthConfig

/** What is exchanged for tokens. */
export type Grant =
  /** `scopes` empty: the request carries none. */
  | {
      readonly kind: 'refresh'
      readonly clientId: string
      readonly refreshToken: Secret
      readonly scopes: readonly string[]
    }
  | {
      readonly kind: 'code'
      readonly clientId: string
      readonly code: Secret
      readonly state: Secret
      readonly verifier: Secret
      readonly redirectUri: string
    }

/** One way to send a request: an address and a body format. */
export interface Route {
  readonly url: string
  /** How the body is written. */
  readonly encoding: 'json' | 'form'
}

/** How one attempt ended, over all routes that it was allowed to try. */
export type TokenResult =
  | { readonly kind: 'issued'; readonly tokens: IssuedTokens }
  | Extract<ParsedAnswer, { kind: 'dead' }>
  | Extract<ParsedAnswer, { kind: 'transient' }>
  /** `beforeSend` returned false: nothing (more) was sent. */
  | { readonly kind: 'stopped' }

export interface TokenEndpointOptions {
  readonly clock?: Clock
  /** For proxies; the global `fetch` otherwise. */
  readonly fetch?: typeof fetch
  /** The limit of one whole attempt, every route and body included. */
  readonly timeoutMs?: number
  /** Called with the server's time for each answer that carries one, for clock skew. */
  readonly onServerDate?: (serverNow: number) => void
}

type BeforeSend = (route: Route) => Promise<boolean>

export interface RefreshOptions {
  /** Called before each request leaves; false stops the attempt there. */
  readonly beforeSend?: () => Promise<boolean>
  /** The client that the token was issued to; the configured one otherwise. */
  readonly clientId?: string | undefined
}

/** Callers wait at most 30 s for a refresh: the attempt ends, and is written down, within that. */
export const TOKEN_ATTEMPT_MS = 28 * SECOND
/** How long a code exchange keeps retrying on 429: the person is waiting, and the code is valid for minutes. */
const EXCHANGE_TIMEOUT_MS = 60 * SECOND
const EXCHANGE_DEFAULT_WAIT_MS = 5 * SECOND
/** A server that sends no `Retry-After` must not be flooded for a minute. */
const EXCHANGE_LEAST_WAIT_MS = SECOND

/**
 * A client of the token endpoint that remembers the route that works.
 *
 * Within one attempt it continues with the next route only after an answer that proves
 * the grant was not processed. Anything ambiguous ends the attempt, because a
 * repeated single-use token may cost the whole sign-in.
 */
export class TokenEndpoint {
  readonly #settings: OAuthSettings
  readonly #clock: Clock
  readonly #fetch: typeof fetch
  readonly #timeoutMs: number
  readonly #onServerDate: ((serverNow: number) => void) | undefined
  #remembered: Route | null = null
  #scopesRefused = false

  constructor(settings: OAuthSettings, options: TokenEndpointOptions = {}) {
    this.#settings = settings
    this.#clock = options.clock ?? systemClock
    this.#fetch = options.fetch ?? fetch
    this.#timeoutMs = options.timeoutMs ?? TOKEN_ATTEMPT_MS
    this.#onServerDate = options.onServerDate
  }

  /**
   * Spends a refresh token: one attempt, at most 28 s.
   *
   * @see https://www.rfc-editor.org/rfc/rfc6749#section-6
   */
  refresh(
    refreshToken: Secret,
    scopes: readonly string[],
    options: RefreshOptions = {},
  ): Promise<TokenResult> {
    const { beforeSend = async () => true, clientId = this.#settings.clientId } = options
    const sent = this.#scopesRefused ? [] : scopes
    return this.#attempt(
      { kind: 'refresh', refreshToken, scopes: sent, clientId },
      this.#routes(),
      beforeSend,
    )
  }

  /**
   * Exchanges a code. On 429 it retries at the same address, for up to 60 s in all.
   *
   * @see https://www.rfc-editor.org/rfc/rfc6749#section-4.1.3
   */
  async exchange(grant: Omit<Extract<Grant, { kind: 'code' }>, 'kind' | 'clientId'>): Promise<TokenResult> {
    const { clientId } = this.#settings
    const giveUpAt = this.#clock.monotonic() + EXCHANGE_TIMEOUT_MS
    let routes = this.#routes()
    for (;;) {
      let asked = 0
      const result = await this.#attempt({ kind: 'code', clientId, ...grant }, routes, async (route) => {
        asked = routes.indexOf(route)
        return true
      })
      if (result.kind !== 'transient' || result.reason !== 'rate-limited') return result
      // The routes before it have rejected this form of the grant: they are not tried again.
      routes = routes.slice(asked)
      const waitMs = Math.max(result.retryAfterMs ?? EXCHANGE_DEFAULT_WAIT_MS, EXCHANGE_LEAST_WAIT_MS)
      if (this.#clock.monotonic() + waitMs > giveUpAt) return result
      await this.#wait(waitMs)
    }
  }

  /** The remembered route first, then every address in order, JSON before form. */
  #routes(): Route[] {
    const all = this.#settings.tokenUrls.flatMap((url): Route[] => [
      { url, encoding: 'json' },
      { url, encoding: 'form' },
    ])
    const first = this.#remembered
    if (!first) return all
    return [first, ...all.filter((route) => route.url !== first.url || route.encoding !== first.encoding)]
  }

  async #attempt(grant: Grant, routes: Route[], beforeSend: BeforeSend): Promise<TokenResult> {
    const limit = new AbortController()
    const timer = this.#clock.setTimer(() => limit.abort(), this.#timeoutMs)
    try {
      let refusal = 'no token endpoint is configured'
      for (const route of routes) {
        let result = await this.#ask(grant, route, limit.signal, beforeSend)
        if (result?.kind === 'wrong-scope' && grant.kind === 'refresh' && grant.scopes.length > 0) {
          this.#scopesRefused = true
          grant = { ...grant, scopes: [] }
          result = await this.#ask(grant, route, limit.signal, beforeSend)
        }
        if (result === null) return { kind: 'stopped' }
        if (result.kind === 'wrong-scope') return endpointTrouble(result.message)
        if (result.kind !== 'wrong-route') return result
        refusal = result.message
      }
      return endpointTrouble(refusal)
    } finally {
      timer.cancel()
    }
  }

  async #ask(
    grant: Grant,
    route: Route,
    limit: AbortSignal,
    beforeSend: BeforeSend,
  ): Promise<ParsedAnswer | null> {
    if (!(await beforeSend(route))) return null
    const answer = await sendGrant(grant, route, this.#settings, limit, this.#fetch)
    if (answer.kind === 'answer' || answer.kind === 'cut') {
      const date = serverDate(answer.headers)
      if (date !== null) this.#onServerDate?.(date)
    }
    const result = parseTokenAnswer(answer, this.#clock.now())
    // A definite answer about the grant: this route was understood.
    if (result.kind === 'issued' || result.kind === 'dead') this.#remembered = route
    return result
  }

  async #wait(ms: number): Promise<void> {
    const awake = setInterval(() => {}, MAX_AWAKE_MS)
    try {
      await sleep(this.#clock, ms)
    } finally {
      clearInterval(awake)
    }
  }
}

/** The clock's timers do not keep the process alive; this one must, because a person waits for it. */
const MAX_AWAKE_MS = 60 * SECOND

function endpointTrouble(message: string): TokenResult {
  return { kind: 'transient', reason: 'endpoint', message, retryAfterMs: null, ambiguous: false }
}

/** A token answer has some hundred bytes; what is larger is a page or an attack. */
const MAX_BODY_BYTES = 1024 * 1024

/**
 * Sends one grant on one route and reads the whole answer. Interprets nothing, follows
 * no redirect (RFC 9700 §4.12), repeats nothing, and does not throw for anything
 * that a network or server does.
 *
 * @param signal the time limit of the whole, body included
 * @throws Error for an address that is neither https nor loopback
 */
export async function sendGrant(
  grant: Grant,
  route: Route,
  settings: OAuthSettings,
  signal: AbortSignal,
  fetchFunction: typeof fetch = fetch,
): Promise<TokenAnswer> {
  const url = new URL(route.url)
  const server: AuthorizationServer = { issuer: url.origin, token_endpoint: url.href }
  const client: Client = { client_id: grant.clientId }
  const options: TokenEndpointRequestOptions = {
    signal,
    // Plain http never leaves this machine.
    [allowInsecureRequests]: isLoopbackHost(url.hostname),
    [customFetch]: (address, request) => {
      const { body, contentType } = encode(request.body, route.encoding)
      const headers = {
        ...request.headers,
        ...settings.headers,
        'user-agent': settings.userAgent,
        'content-type': contentType,
      }
      return fetchFunction(address, { ...request, signal, headers, body, redirect: 'manual' })
    },
  }
  return readAnswer(() => request(server, client, grant, options), signal)
}

/**
 * Sends by `send` and reads the answer whole, as `sendGrant` does.
 *
 * @param signal the time limit of the whole, body included
 */
export async function readAnswer(send: () => Promise<Response>, signal: AbortSignal): Promise<TokenAnswer> {
  let response: Response
  try {
    response = await send()
  } catch (error) {
    const why = networkErrorCode(error, signal)
    if (why === null) throw error
    return { kind: NEVER_LEFT.has(why) || why.includes('CERT') ? 'not-sent' : 'no-answer', why }
  }
  const { status, headers } = response
  try {
    const body = await readLimited(response, signal)
    if (body === null) return { kind: 'cut', status, headers, why: 'body too large' }
    return { kind: 'answer', status, headers, body }
  } catch (error) {
    return { kind: 'cut', status, headers, why: networkErrorCode(error, signal) ?? 'broken body' }
  }
}

function request(
  server: AuthorizationServer,
  client: Client,
  grant: Grant,
  options: TokenEndpointRequestOptions,
): Promise<Response> {
  if (grant.kind === 'refresh') {
    const { scopes } = grant
    const parameters = scopes.length > 0 ? { scope: scopes.join(' ') } : {}
    return refreshTokenGrantRequest(server, client, None(), grant.refreshToken.reveal(), {
      ...options,
      additionalParameters: parameters,
    })
  }
  // The state was compared in constant time when the paste was read; here it is only passed on.
  const state = grant.state.reveal()
  const callback = validateAuthResponse(
    server,
    client,
    new URLSearchParams({ code: grant.code.reveal(), state }),
    state,
  )
  const verifier = grant.verifier.reveal()
  return authorizationCodeGrantRequest(server, client, None(), callback, grant.redirectUri, verifier, {
    ...options,
    additionalParameters: { state },
  })
}

function encode(
  parameters: URLSearchParams,
  encoding: Route['encoding'],
): { body: string; contentType: string } {
  return encoding === 'json'
    ? { body: JSON.stringify(Object.fromEntries(parameters)), contentType: 'application/json' }
    : { body: parameters.toString(), contentType: 'application/x-www-form-urlencoded' }
}

async function readLimited(response: Response, signal: AbortSignal): Promise<string | null> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of response.body ?? []) {
    signal.throwIfAborted()
    size += chunk.length
    // Leaving the loop cancels the stream, so the rest is never received.
    if (size > MAX_BODY_BYTES) return null
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** Failures before the connection was established. After any other failure the grant may have arrived. */
const NEVER_LEFT = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
  // No tunnel through the proxy, so nothing went into it.
  'EPROXY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
])

/** The system's code for a failed fetch, `TIMEOUT` for our own limit, null for what is not a network failure. */
function networkErrorCode(error: unknown, signal: AbortSignal): string | null {
  if (signal.aborted) return 'TIMEOUT'
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (cause instanceof AggregateError && cause.errors.length > 0) {
      const codes = cause.errors.map((each) => (each as NodeJS.ErrnoException).code ?? '')
      return codes.find((each) => !NEVER_LEFT.has(each)) ?? codes[0]!
    }
    if (typeof code === 'string' && !code.startsWith('OAUTH_')) return code
    // What undici throws for everything that went wrong on the wire.
    if (cause.cause === undefined && error instanceof TypeError && error.message === 'fetch failed')
      return 'NETWORK'
    if (cause.cause === undefined && cause instanceof TypeError && cause.message === 'terminated')
      return 'NETWORK'
  }
  return null
}
