import type { IncomingMessage } from 'node:http'
import { isRecord, parseJson } from '../http.ts'

/** A request to the token endpoint, read. */
export interface TokenRequest {
  readonly encoding: 'json' | 'form' | 'other'
  readonly params: Readonly<Record<string, string>>
  readonly grant: string
  readonly userAgent: string
}

/** Reads a body by its media type; values that are not text count as missing. */
export function readTokenRequest(req: IncomingMessage, body: string): TokenRequest {
  const type = (req.headers['content-type'] ?? '').split(';')[0]!.trim().toLowerCase()
  const userAgent = req.headers['user-agent'] ?? ''
  if (type === 'application/json') {
    const json = parseJson(body)
    const fields = isRecord(json) ? Object.entries(json) : []
    const params = Object.fromEntries(fields.filter((field): field is [string, string] => isText(field[1])))
    return { encoding: 'json', params, grant: params['grant_type'] ?? '', userAgent }
  }
  if (type === 'application/x-www-form-urlencoded') {
    const params = Object.fromEntries(new URLSearchParams(body))
    return { encoding: 'form', params, grant: params['grant_type'] ?? '', userAgent }
  }
  return { encoding: 'other', params: {}, grant: '', userAgent }
}

function isText(value: unknown): boolean {
  return typeof value === 'string'
}
