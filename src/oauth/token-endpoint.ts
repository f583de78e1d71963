import { SECOND, sleep, systemClock, type Clock } from '../support/clock.ts'
import type { Secret } from '../support/secret.ts'
import { parseTokenAnswer, serverDate, type IssuedTokens, type ParsedAnswer } from './token-answer.ts'
import { type OAuthSettings, sendGrant, type Grant, type Route } from './token-request.ts'

export type { IssuedTokens } from './token-answer.ts'

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
  readonly #onServerDate: (serverNow: number) => void
  #remembered: Route | null = null
  #scopesRefused = false

  constructor(settings: OAuthSettings, options: TokenEndpointOptions = {}) {
    this.#settings = settings
    this.#clock = options.clock ?? systemClock
    this.#fetch = options.fetch ?? fetch
    this.#timeoutMs = options.timeoutMs ?? TOKEN_ATTEMPT_MS
    this.#onServerDate = options.onServerDate ?? (() => {})
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
      if (date !== null) this.#onServerDate(date)
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
