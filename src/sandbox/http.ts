import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http'

/** The Messages API takes 32 MB; nothing else here needs more. */
const MAX_BODY_BYTES = 32 * 1024 * 1024

/** The whole body, or null when it is too large or the client went away. */
export function readBody(req: IncomingMessage, limit = MAX_BODY_BYTES): Promise<Buffer | null> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = []
    let size = 0
    req.on('data', (chunk: Buffer) => {
      size += chunk.length
      if (size <= limit) chunks.push(chunk)
    })
    req.on('end', () => {
      if (size > limit) resolve(null)
      else resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks))
    })
    req.on('error', () => resolve(null))
    req.on('close', () => resolve(null))
  })
}

/** The value of `text` as JSON, or undefined. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function sendJson(
  res: ServerResponse,
  status: number,
  body: unknown,
  headers: OutgoingHttpHeaders = {},
): void {
  sendText(res, status, JSON.stringify(body), 'application/json', headers)
}

export function sendHtml(
  res: ServerResponse,
  status: number,
  html: string,
  headers: OutgoingHttpHeaders = {},
): void {
  sendText(res, status, html, 'text/html; charset=utf-8', headers)
}

export function sendText(
  res: ServerResponse,
  status: number,
  text: string,
  type: string,
  headers: OutgoingHttpHeaders = {},
): void {
  const length = Buffer.byteLength(text)
  res.writeHead(status, { ...headers, 'content-type': type, 'content-length': length })
  res.end(text)
}

/** Resolves to true after `ms` of real time, to false when the client went away before. */
export function wait(res: ServerResponse, ms: number): Promise<boolean> {
  if (res.destroyed) return Promise.resolve(false)
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      res.off('close', gone)
      resolve(true)
    }, ms)
    const gone = () => {
      clearTimeout(timer)
      resolve(false)
    }
    res.once('close', gone)
  })
}

/** Closes the connection the hard way (RST), as a broken network or a crashed server does. */
export function reset(res: ServerResponse): void {
  res.socket?.resetAndDestroy()
}
