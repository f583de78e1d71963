import { redact } from '../../support/text/redact.ts'
import { HttpProblem, json } from '../answers.ts'

/** A mistake in a request, and which of its parameters it is in. */
export class ParameterProblem extends HttpProblem {
  readonly param: string | null

  constructor(status: number, code: string, message: string, param: string | null) {
    super(status, code, message)
    this.param = param
  }
}

/** The request is invalid. */
export function invalid(param: string, message: string): ParameterProblem {
  return new ParameterProblem(400, 'invalid_value', message, param)
}

/** The request uses a feature that is not supported here. */
export function unsupported(param: string, message: string): ParameterProblem {
  return new ParameterProblem(400, 'unsupported_parameter', message, param)
}

/** An error in OpenAI's format. */
export interface OpenAiError {
  readonly error: {
    readonly message: string
    readonly type: string
    readonly param: string | null
    readonly code: string
  }
}

/** Our codes, mapped to those of OpenAI's protocol. */
const CODES: Readonly<Record<string, string>> = {
  unauthorized: 'invalid_api_key',
  scope: 'insufficient_permissions',
  'hold-full': 'rate_limit_exceeded',
  'too-large': 'request_too_large',
}

export function openAiError(found: HttpProblem): OpenAiError {
  return {
    error: {
      message: redact(found.message),
      type: typeOf(found.status),
      param: found instanceof ParameterProblem ? found.param : null,
      code: CODES[found.code] ?? found.code.replaceAll('-', '_'),
    },
  }
}

export function openAiProblem(found: HttpProblem): Response {
  return json<OpenAiError>(found.status, openAiError(found), found.headers)
}

/** Does this path use OpenAI's protocol, errors included? */
export function speaksOpenAi(path: string): boolean {
  return path === '/v1' || path.startsWith('/v1/')
}

function typeOf(status: number): string {
  if (status === 401) return 'authentication_error'
  if (status === 403) return 'permission_error'
  if (status === 429) return 'rate_limit_error'
  if (status === 503) return 'service_unavailable_error'
  return status >= 500 ? 'server_error' : 'invalid_request_error'
}
