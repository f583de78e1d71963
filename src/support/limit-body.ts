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
  /** Of an answer that is read as text or JSON, and so kept whole; by default no limit of its own. */
  readonly maxWholeBytes?: number
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
  const limited = new Response(body.pipeThrough(limiter(limits)), { status, statusText, headers })
  return readWhole(limited, () => limited.body!, limits)
}

/** HTTP ends a body at its announced length; one that is packed may still grow. */
function isAnnouncedWithin(headers: Headers, limits: BodyLimits): boolean {
  const { maxBytes, maxLineBytes = Infinity, maxWholeBytes = Infinity } = limits
  const length = headers.get('content-length')
  if (length === null || headers.get('content-encoding') !== null) return false
  return Number(length) <= Math.min(maxBytes, maxLineBytes, maxWholeBytes)
}

/** The same answer, whose whole body is read without leaving anything behind. */
function readWhole(
  response: Response,
  pieces: () => AsyncIterable<Uint8Array>,
  limits: BodyLimits,
): Response {
  const text = () => textOf(pieces(), limits.maxWholeBytes ?? limits.maxBytes)
  const json = async () => JSON.parse(await text()) as unknown
  // Not assigned: the HTTP server puts a class in the place of `Response` whose methods are read-only.
  return Object.defineProperties(response, { text: { value: text }, json: { value: json } })
}

/**
 * Thousands of pieces that wait for the last one leave gaps in the memory of the process that it never
 * gives back, and the garbage collector comes late to what is outside of its heap: all goes into one
 * memory that grows in place, and is released here.
 */
export async function textOf(pieces: AsyncIterable<Uint8Array>, maxBytes: number): Promise<string> {
  const memory = new ArrayBuffer(0, { maxByteLength: maxBytes })
  const bytes = new Uint8Array(memory)
  let length = 0
  try {
    for await (const piece of pieces) {
      const end = length + piece.byteLength
      if (end > maxBytes) throw new BodyTooLarge()
      if (end > memory.byteLength) memory.resize(Math.min(maxBytes, Math.max(2 * end, LEAST_MEMORY)))
      bytes.set(piece, length)
      length = end
    }
    return new TextDecoder().decode(bytes.subarray(0, length))
  } finally {
    memory.transfer(0)
  }
}

const LEAST_MEMORY = 64 * 1024

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
export function lengthCheck({ maxBytes, maxLineBytes = Infinity }: BodyLimits): (chunk: Uint8Array) => void {
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
