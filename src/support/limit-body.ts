/** An answer was longer than what an answer of its kind can hold. */
export class BodyTooLarge extends Error {
  override readonly name = 'BodyTooLarge'
  /** For those who say no more of an error than its code. */
  readonly code = 'too large'

  constructor() {
    super('the answer is larger than it can be')
  }
}

export interface BodyLimits {
  readonly maxBytes: number
  /** Bytes between two line ends, at most; by default no limit of its own. */
  readonly maxLineBytes?: number
}

/**
 * The same answer with a body that fails with BodyTooLarge beyond its limits, which also closes the
 * connection: a reader of the whole body never holds more than that in memory, however much is sent.
 */
export function limitBody(response: Response, limits: BodyLimits): Response {
  const { body, status, statusText, headers } = response
  if (body === null || NO_BODY.has(status) || isAnnouncedWithin(headers, limits)) return response
  if (headers.get('content-type')?.startsWith('text/event-stream')) return limitEvents(response, body, limits)
  const limited = new Response(body.pipeThrough(limiter(limits)), { status, statusText, headers })
  return decodedPieceByPiece(limited, () => limited.body!)
}

/** HTTP ends a body at its announced length; one that is packed may still grow. */
function isAnnouncedWithin(headers: Headers, { maxBytes, maxLineBytes = Infinity }: BodyLimits): boolean {
  const length = headers.get('content-length')
  if (length === null || headers.get('content-encoding') !== null) return false
  return Number(length) <= Math.min(maxBytes, maxLineBytes)
}

/**
 * Every answer of the model comes this way, and a further web stream would cost each of them half a
 * millisecond: the body is limited where it is read, by iteration or as text.
 */
function limitEvents(response: Response, body: NonNullable<Response['body']>, limits: BodyLimits): Response {
  const iterate = body[Symbol.asyncIterator].bind(body)
  async function* pieces() {
    const check = lengthCheck(limits)
    for await (const chunk of iterate()) {
      check(chunk)
      yield chunk
    }
  }
  Object.assign(body, { [Symbol.asyncIterator]: pieces })
  return decodedPieceByPiece(response, pieces)
}

/**
 * The same answer, of which no bytes are kept: thousands of pieces that wait for the last one leave
 * gaps in the memory of the process that it does not give back.
 */
function decodedPieceByPiece(response: Response, pieces: () => AsyncIterable<Uint8Array>): Response {
  const text = async () => {
    const decoder = new TextDecoder()
    let read = ''
    for await (const chunk of pieces()) read += decoder.decode(chunk, { stream: true })
    return read + decoder.decode()
  }
  const json = async () => JSON.parse(await text()) as unknown
  // Not assigned: the HTTP server puts a class in the place of `Response` whose methods are read-only.
  return Object.defineProperties(response, { text: { value: text }, json: { value: json } })
}

/** `inner`, whose answers go no further than `limits`. */
export function limitAnswers(inner: typeof fetch, limits: BodyLimits): typeof fetch {
  return async (input, init) => limitBody(await inner(input, init), limits)
}

/** Statuses with which a `Response` takes no body. @see https://fetch.spec.whatwg.org/#null-body-status */
const NO_BODY = new Set([101, 103, 204, 205, 304])

function limiter(limits: BodyLimits): TransformStream<Uint8Array, Uint8Array> {
  const check = lengthCheck(limits)
  return new TransformStream({
    transform(chunk, controller) {
      check(chunk)
      controller.enqueue(chunk)
    },
  })
}

/** @returns throws BodyTooLarge at the piece with which the body exceeds its limits */
function lengthCheck({ maxBytes, maxLineBytes = Infinity }: BodyLimits): (chunk: Uint8Array) => void {
  let bytes = 0
  /** Of the line that is not over yet. */
  let lineBytes = 0
  return (chunk) => {
    bytes += chunk.byteLength
    const firstEnd = chunk.indexOf(LINE_FEED)
    // A line within one chunk is no longer than the chunk, which is small.
    lineBytes += firstEnd < 0 ? chunk.byteLength : firstEnd
    if (bytes > maxBytes || lineBytes > maxLineBytes) throw new BodyTooLarge()
    if (firstEnd >= 0) lineBytes = chunk.byteLength - chunk.lastIndexOf(LINE_FEED) - 1
  }
}

const LINE_FEED = 0x0a
