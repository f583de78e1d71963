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
  if (response.body === null || NO_BODY.has(response.status)) return response
  const { status, statusText, headers } = response
  return new Response(response.body.pipeThrough(limiter(limits)), { status, statusText, headers })
}

/** `inner`, whose answers go no further than `limits`. */
export function limitAnswers(inner: typeof fetch, limits: BodyLimits): typeof fetch {
  return async (input, init) => limitBody(await inner(input, init), limits)
}

/** Statuses with which a `Response` takes no body. @see https://fetch.spec.whatwg.org/#null-body-status */
const NO_BODY = new Set([101, 103, 204, 205, 304])

function limiter({ maxBytes, maxLineBytes = Infinity }: BodyLimits): TransformStream<Uint8Array, Uint8Array> {
  let bytes = 0
  /** Of the line that is not over yet. */
  let lineBytes = 0
  return new TransformStream({
    transform(chunk, controller) {
      bytes += chunk.byteLength
      const firstEnd = chunk.indexOf(LINE_FEED)
      // A line within one chunk is no longer than the chunk, which is small.
      lineBytes += firstEnd < 0 ? chunk.byteLength : firstEnd
      if (bytes > maxBytes || lineBytes > maxLineBytes) return controller.error(new BodyTooLarge())
      if (firstEnd >= 0) lineBytes = chunk.byteLength - chunk.lastIndexOf(LINE_FEED) - 1
      controller.enqueue(chunk)
    },
  })
}

const LINE_FEED = 0x0a
