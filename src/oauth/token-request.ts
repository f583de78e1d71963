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
import type { Secret } from '../support/secret.ts'

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
  readonly encoding: BodyEncoding
}

/** What came back, not parsed yet. */
export type TokenAnswer =
  | { readonly kind: 'answer'; readonly status: number; readonly headers: Headers; readonly body: string }
  /** The status line came, and then no whole body: cut off, too slow, or larger than a token answer can be. */
  | { readonly kind: 'cut'; readonly status: number; readonly headers: Headers; readonly why: string }
  /** No connection was made: the grant cannot have arrived. */
  | { readonly kind: 'not-sent'; readonly why: string }
  /** The request may have arrived; no answer did. */
  | { readonly kind: 'no-answer'; readonly why: string }

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
    [allowInsecureRequests]: isLoopback(url),
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

function encode(parameters: URLSearchParams, encoding: BodyEncoding): { body: string; contentType: string } {
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

/** Whether this address is on this machine. */
function isLoopback(url: URL): boolean {
  const host = url.hostname
  return host === 'localhost' || host === '[::1]' || /^127(\.\d{1,3}){3}$/.test(host)
}

/** Where and as whom the gateway signs in: `auth.oauth` of the configuration. */
export type OAuthSettings = OAuthConfig

/** How the body of a token request is written. */
export type BodyEncoding = 'json' | 'form'
