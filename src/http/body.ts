import type { IncomingMessage } from 'node:http'
import { HEAVY_BYTES, ownTurn } from '../support/own-turn.ts'
import { badRequest, HttpProblem, type RequestContext } from './answers.ts'
import { ByteBudget } from './byte-budget.ts'
import { isQuickToParse } from './json-shape.ts'

/** A message may be this long, in bytes of UTF-8. */
export const MAX_TEXT_BYTES = 64 * 1024
/** A message's body: the text, what JSON adds to it, and the ids of its attachments. */
export const MAX_MESSAGE_BODY = MAX_TEXT_BYTES + 4 * 1024
/** All other bodies hold a few ids. */
export const MAX_SMALL_BODY = 16 * 1024
/** One attachment. */
export const MAX_UPLOAD_BYTES = 20 * 1024 * 1024
/** All bodies together that are still coming in: a dozen of the largest, and no clients' number fills the memory. */
export const MAX_INCOMING_BYTES = 256 * 1024 * 1024

/** Of one token or browser: three of the largest. Strangers, who may send small bodies only, are one client. */
export const MAX_INCOMING_BYTES_EACH = MAX_INCOMING_BYTES / 4

/** Bytes of bodies that are not whole yet, in this process, and of uploads that are being stored. */
const incoming = new ByteBudget({ total: MAX_INCOMING_BYTES, each: MAX_INCOMING_BYTES_EACH })

const tooManyBytes = (): HttpProblem =>
  new HttpProblem(503, 'busy', 'Too much is being sent at the moment. Please try again.', {
    'Retry-After': '5',
  })

/** The connection stays open: closed with unread bytes, it would break before the client has read the refusal. */
const tooLarge = (limit: number): HttpProblem =>
  new HttpProblem(413, 'too-large', `This is larger than the ${limit} bytes that fit here.`)

/**
 * The body's bytes, read only up to `limit`. A larger announced body is refused
 * before a byte is read.
 *
 * @throws HttpProblem 413 | 400
 */
export async function readBody(c: RequestContext, limit: number): Promise<Buffer> {
  const { bytes, release } = await holdBody(c, limit)
  release()
  return bytes
}

/** The same, counted until it is released. @throws as `readBody` */
async function holdBody(c: RequestContext, limit: number): Promise<HeldBody> {
  if (announced(c) > limit) throw tooLarge(limit)
  const source = c.env?.incoming
  if (!source) return { bytes: await collectFrom(c.req.raw.body, limit), release() {} }
  const client = clientOf(c)
  const chunks = await collect(source, limit, client)
  const bytes = await join(chunks)
  return { bytes, release: () => incoming.release(client, bytes.length) }
}

/** Bodies of 20 MB that end at the same time are joined in a turn each. */
async function join(chunks: readonly Buffer[]): Promise<Buffer> {
  if (chunks.length === 1) return chunks[0]!
  const length = chunks.reduce((sum, chunk) => sum + chunk.length, 0)
  if (length > HEAVY_BYTES) await ownTurn()
  return Buffer.concat(chunks, length)
}

interface HeldBody {
  readonly bytes: Buffer
  /** To be called once. */
  release(): void
}

/**
 * The body as a JSON object, whatever its content type; an empty body is an empty object.
 * A page of another site can send such a body too; the origin check protects the cookie.
 *
 * @returns the members that `Body` names, unchecked: they may be anything
 * @throws HttpProblem 413 | 400
 */
export async function readJson<Body = Record<string, unknown>>(
  c: RequestContext,
  limit: number,
): Promise<Unchecked<Body>> {
  const { bytes, release } = await holdBody(c, limit)
  if (bytes.length === 0) return {}
  let parsed: unknown
  try {
    parsed = await parse(bytes)
  } finally {
    release()
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
    throw badRequest('The body must be a JSON object.')
  return parsed as Unchecked<Body>
}

/** What is large is judged, decoded, built and used in a turn each. @throws HttpProblem 400 */
async function parse(bytes: Buffer): Promise<unknown> {
  const isHeavy = bytes.length > HEAVY_BYTES
  if (isHeavy) await ownTurn()
  if (isHeavy && !isQuickToParse(bytes)) throw badRequest('The body has too many values, or too many levels.')
  if (isHeavy) await ownTurn()
  // Drops the byte order mark that some programs write first.
  const text = new TextDecoder().decode(bytes)
  if (isHeavy) await ownTurn()
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    throw badRequest('The body is not valid JSON.')
  }
  if (isHeavy) await ownTurn()
  return parsed
}

type Unchecked<Body> = { readonly [Member in keyof Body]?: unknown }

/** The body as a stream, for what is too large for memory; fails with 413 beyond `limit`. */
export async function* streamBody(c: RequestContext, limit: number): AsyncGenerator<Uint8Array> {
  if (announced(c) > limit) throw tooLarge(limit)
  const source: AsyncIterable<Uint8Array> | null = c.env?.incoming ?? c.req.raw.body
  if (!source) return
  const client = clientOf(c)
  let size = 0
  // `destroyOnReturn` would cut the connection before the client reads the refusal.
  const chunks = c.env?.incoming ? c.env.incoming.iterator({ destroyOnReturn: false }) : source
  try {
    for await (const chunk of chunks as AsyncIterable<Uint8Array>) {
      if (size + chunk.length > limit) throw tooLarge(limit)
      if (!incoming.reserve(client, chunk.length)) throw tooManyBytes()
      size += chunk.length
      yield chunk
    }
  } catch (error) {
    throw error instanceof HttpProblem ? error : badRequest('The upload was cut off.')
  } finally {
    incoming.release(client, size)
  }
}

/** Who is counted together. */
function clientOf(c: RequestContext): string {
  return c.get('client') ?? ''
}

function announced(c: RequestContext): number {
  const length = c.req.header('content-length')
  return length === undefined ? 0 : Number(length)
}

/** Directly from the socket: web streams cost more than the rest of a request. What it resolves with stays counted. */
function collect(source: IncomingMessage, limit: number, client: string): Promise<Buffer[]> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let size = 0
    const stop = () => {
      source.off('data', onData)
      source.off('end', onEnd)
      source.off('error', onBroken)
      source.off('close', onBroken)
    }
    const onData = (chunk: Buffer) => {
      const problem =
        size + chunk.length > limit
          ? tooLarge(limit)
          : incoming.reserve(client, chunk.length)
            ? null
            : tooManyBytes()
      if (problem) {
        stop()
        incoming.release(client, size)
        source.pause()
        reject(problem)
      } else {
        size += chunk.length
        chunks.push(chunk)
      }
    }
    const onEnd = () => {
      stop()
      resolve(chunks)
    }
    const onBroken = () => {
      stop()
      incoming.release(client, size)
      reject(badRequest('The request was cut off.'))
    }
    if (source.readableEnded) return resolve([])
    if (source.destroyed) return onBroken()
    source.on('data', onData)
    source.on('end', onEnd)
    source.on('error', onBroken)
    source.on('close', onBroken)
  })
}

async function collectFrom(body: ReadableStream<Uint8Array> | null, limit: number): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of body ?? []) {
    size += chunk.length
    if (size > limit) throw tooLarge(limit)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
