import type { Hono } from 'hono'
import type { Clock } from '../support/clock.ts'
import type { Log } from '../support/log.ts'
import type { Auth, Principal, Scope } from './access/auth.ts'
import { type Env, type RequestContext, HttpProblem, notFound } from './answers.ts'
import type { Streams } from './streams/sse.ts'

export type Method = 'GET' | 'POST' | 'DELETE'
type Answer = Response | Promise<Response>
/** What is asked without a token, under `/api`. */
const OPEN: ReadonlySet<string> = new Set(['/api/session', '/api/proof'])
const METHODS: readonly Method[] = ['GET', 'POST', 'DELETE']

/**
 * The table of routes. Each route is declared with its required scope, so that none is
 * left open by mistake.
 */
export class Routes {
  readonly #app: Hono<Env>
  readonly #auth: Auth

  constructor(app: Hono<Env>, auth: Auth) {
    this.#app = app
    this.#auth = auth
  }

  /** For everybody who can reach the port. */
  open(method: Method, path: string, handler: (c: RequestContext) => Answer): void {
    this.#app.on(method, path, handler)
  }

  /** For the gateway's own token, the page, and tokens of the scope `needed`. */
  guarded(
    needed: Scope,
    method: Method,
    path: string,
    handler: (c: RequestContext, principal: Principal) => Answer,
  ): void {
    this.#app.on(method, path, (c) => {
      const principal = this.#auth.require(c, needed)
      c.set('client', principal.client)
      return handler(c, principal)
    })
  }

  /** The response where nothing matches: 401 for `/api` first, then 405 or 404. */
  refuse(c: RequestContext): HttpProblem {
    const { path } = c.req
    if ((path === '/api' || path.startsWith('/api/')) && !OPEN.has(path)) {
      try {
        // Any scope may learn that a path does not exist.
        this.#auth.require(c, 'all')
      } catch (error) {
        if (error instanceof HttpProblem && error.code !== 'scope') return error
      }
    }
    const allowed = METHODS.filter((method) => this.#app.router.match(method, path)[0].length > 0)
    if (allowed.length === 0) return notFound()
    return new HttpProblem(405, 'method-not-allowed', `This address takes ${allowed.join(', ')}.`, {
      Allow: (allowed.includes('GET') ? [...allowed, 'HEAD'] : allowed).join(', '),
    })
  }
}

export interface EndpointParts {
  readonly routes: Routes
  readonly streams: Streams
  readonly clock: Clock
  readonly log: Log
}

/** An endpoint for programs, separate from the page and its API. Adds its routes and returns its stop. */
export type Endpoint = (parts: EndpointParts) => { close(): void }
