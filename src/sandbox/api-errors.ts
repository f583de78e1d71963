import type { OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { sendJson } from './http.ts'

/** A refusal of the Messages API. */
export interface ApiFailure {
  readonly status: number
  readonly type: string
  readonly message: string
  readonly details?: Readonly<Record<string, unknown>>
}

export function apiError(
  status: number,
  type: string,
  message: string,
  details?: Readonly<Record<string, unknown>>,
): ApiFailure {
  return details ? { status, type, message, details } : { status, type, message }
}

/** The body of an error; the same object is sent in an `error` event of a stream. */
export function errorBody(failure: ApiFailure, requestId: string): unknown {
  const { type, message, details } = failure
  const error = details ? { type, message, details } : { type, message }
  return { type: 'error', error, request_id: requestId }
}

export function sendApiError(
  res: ServerResponse,
  failure: ApiFailure,
  requestId: string,
  headers: OutgoingHttpHeaders = {},
): void {
  sendJson(res, failure.status, errorBody(failure, requestId), { 'request-id': requestId, ...headers })
}
