import type { HttpBindings } from '@hono/node-server'
import type { Context } from 'hono'
import { SECOND } from '../support/clock.ts'
import { messageOf, Refused, StoreError, TransientError } from '../support/errors.ts'
import { redact } from '../support/text/redact.ts'
import type { ErrorBody } from './wire.ts'

/** An error response, thrown from anywhere. The text is for the reader. */
export class HttpProblem extends Error {
  override readonly name = 'HttpProblem'
  readonly status: number
  readonly code: string
  readonly headers: Readonly<Record<string, string>>

  constructor(status: number, code: string, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message)
    this.status = status
    this.code = code
    this.headers = headers
  }
}

/** On everything under `/api`: never cached, never sniffed, never framed. */
export const API_HEADERS: Readonly<Record<string, string>> = {
  'Content-Type': 'application/json; charset=utf-8',
  'Cache-Control': 'no-store',
  'X-Content-Type-Options': 'nosniff',
  'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'; sandbox",
  'Cross-Origin-Resource-Policy': 'same-origin',
}

/**
 * A response with a body of type `Body`, which must be given: clients are sent types of `wire.ts`, not
 * internal objects.
 *
 * @param headers in addition to the usual ones
 */
export function json<Body = never>(
  status: number,
  body: NoInfer<Body>,
  headers?: Readonly<Record<string, string>>,
): Response {
  // Without `headers` the shared object as it is: a plain object is what the server writes fastest.
  return new Response(JSON.stringify(body), {
    status,
    headers: headers ? { ...API_HEADERS, ...headers } : API_HEADERS,
  })
}

export function problem(found: HttpProblem): Response {
  const error = { code: found.code, message: redact(found.message) }
  return json<ErrorBody>(found.status, { error }, found.headers)
}

/**
 * The response to an error thrown by a handler. Null: an unexpected one, which is a bug
 * and must be logged.
 */
export function expectedProblem(error: unknown): HttpProblem | null {
  if (error instanceof HttpProblem) return error
  if (error instanceof Refused) return new HttpProblem(400, 'refused', error.message)
  if (error instanceof StoreError)
    return new HttpProblem(503, 'store', 'This cannot be stored right now. Please try again.', {
      'Retry-After': '5',
    })
  if (error instanceof TransientError)
    return new HttpProblem(503, error.reason, messageOf(error), {
      'Retry-After': String(Math.ceil((error.retryAfterMs ?? 5 * SECOND) / SECOND)),
    })
  return null
}

export const notFound = (): HttpProblem => new HttpProblem(404, 'not-found', 'Not found.')

export const badRequest = (message: string): HttpProblem => new HttpProblem(400, 'bad-request', message)

/** The context of a request. `env` is missing where there is no socket, and `client` where a stranger sent it. */
export type Env = { Bindings: Partial<HttpBindings>; Variables: { client?: string } }

export type RequestContext = Context<Env>
