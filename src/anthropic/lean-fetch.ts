import { lengthCheck, textOf, type BodyLimits } from '../support/limit-body.ts'

/**
 * `fetch` as the SDK uses it, over the connections of the global `fetch`: its proxy, its time limits, its
 * certificates. Without web streams, which cost every answer more than everything else of a request. It follows
 * no redirect, asks for nothing packed, and its bodies go no further than `limits`.
 *
 * Its errors are those of `fetch`: a TypeError `fetch failed` or `terminated` with the cause, or the signal's
 * reason.
 */
export function leanFetch(limits: BodyLimits): typeof fetch {
  return async (input, init = {}) => {
    const { body = null, signal, method = 'GET', headers } = init
    // The SDK sends nothing else for the requests that are made here.
    if ((body !== null && typeof body !== 'string') || input instanceof Request)
      throw new Error('only a text can be sent')
    signal?.throwIfAborted()
    const { origin, pathname, search } = new URL(input)
    const lines: string[] = ['accept-encoding', 'identity']
    for (const [name, value] of new Headers(headers)) lines.push(name, value)
    return await new Exchange(limits, signal ?? null).send(globalDispatcher(), {
      origin,
      path: pathname + search,
      method,
      headers: lines,
      body,
    })
  }
}

/** As much of undici's `Dispatcher` as is used here. @see https://undici.nodejs.org/#/docs/api/Dispatcher */
interface Dispatcher {
  dispatch(options: DispatchOptions, handler: object): boolean
}

interface DispatchOptions {
  readonly origin: string
  readonly path: string
  readonly method: string
  /** Names and values in turn. */
  readonly headers: readonly string[]
  readonly body: string | null
}

/** undici's hold on a request. */
interface Controller {
  abort(reason: Error): void
  pause(): void
  resume(): void
}

type RawHeaders = Readonly<Record<string, string | readonly string[] | undefined>>

/** Where undici keeps the dispatcher of all requests, for its other copies as well. */
const GLOBAL_DISPATCHER = Symbol.for('undici.globalDispatcher.1')

function globalDispatcher(): Dispatcher {
  // Node loads its `fetch` when any part of it is first used, and only then there is a dispatcher.
  void globalThis.Response
  return (globalThis as unknown as Record<symbol, Dispatcher>)[GLOBAL_DISPATCHER]!
}

/** Bytes that have arrived and nobody has read, at most, before the connection is not read any further. */
const MAX_UNREAD_BYTES = 64 * 1024

type Piece = IteratorResult<Uint8Array, undefined>
type Waiting = PromiseWithResolvers<Piece>

const END: Piece = { done: true, value: undefined }

/** One request and its answer: undici calls the methods that begin with `on`, the SDK reads the body. */
class Exchange implements AsyncIterableIterator<Uint8Array> {
  readonly #check: (chunk: Uint8Array) => void
  readonly #maxWholeBytes: number
  readonly #signal: AbortSignal | null
  readonly #answered = Promise.withResolvers<Response>()
  #controller: Controller | null = null
  #hasAnswer = false
  #isOver = false
  #failure: Error | null = null
  #unread: Uint8Array[] = []
  #unreadBytes = 0
  #isPaused = false
  #reader: Waiting | null = null

  constructor(limits: BodyLimits, signal: AbortSignal | null) {
    this.#check = lengthCheck(limits)
    this.#maxWholeBytes = limits.maxWholeBytes ?? limits.maxBytes
    this.#signal = signal
  }

  send(dispatcher: Dispatcher, options: DispatchOptions): Promise<Response> {
    this.#signal?.addEventListener('abort', this.#onAbort, { once: true })
    try {
      dispatcher.dispatch(options, this)
    } catch (error) {
      this.#fail(error as Error)
    }
    return this.#answered.promise
  }

  readonly #onAbort = (): void => {
    this.#abort(this.#signal!.reason as Error)
  }

  /** Ends it from here: what has arrived and was not read is not worth reading any more. */
  #abort(reason: Error): void {
    this.#unread = []
    this.#end(reason)
    this.#controller?.abort(reason)
  }

  onRequestStart(controller: Controller): void {
    if (this.#isOver) return controller.abort(this.#failure ?? new Error('aborted'))
    this.#controller = controller
  }

  onResponseStart(_controller: Controller, status: number, headers: RawHeaders, statusText = ''): void {
    if (status < FIRST_FINAL_STATUS) return
    this.#hasAnswer = true
    this.#answered.resolve(new LeanResponse(status, statusText, headers, this) as unknown as Response)
  }

  onResponseData(controller: Controller, chunk: Uint8Array): void {
    if (this.#isOver) return
    try {
      this.#check(chunk)
    } catch (error) {
      return this.#abort(error as Error)
    }
    if (this.#reader) return this.#deliver({ done: false, value: chunk })
    this.#unread.push(chunk)
    this.#unreadBytes += chunk.byteLength
    if (this.#unreadBytes <= MAX_UNREAD_BYTES || this.#isPaused) return
    this.#isPaused = true
    controller.pause()
  }

  onResponseEnd(): void {
    this.#end(null)
  }

  onResponseError(_controller: Controller | null, error: Error): void {
    this.#fail(error)
  }

  /** What broke, as `fetch` reports it. */
  #fail(cause: Error): void {
    this.#end(new TypeError(this.#hasAnswer ? 'terminated' : 'fetch failed', { cause }))
  }

  /** The first end counts. */
  #end(failure: Error | null): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#failure = failure
    this.#signal?.removeEventListener('abort', this.#onAbort)
    if (failure && !this.#hasAnswer) this.#answered.reject(failure)
    if (!this.#reader) return
    if (failure) {
      this.#reader.reject(failure)
      this.#reader = null
    } else this.#deliver(END)
  }

  #deliver(piece: Piece): void {
    this.#reader!.resolve(piece)
    this.#reader = null
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  /** The next bytes of the body. Not called again before it has resolved. */
  async next(): Promise<Piece> {
    // What arrived before the connection broke is still read.
    const value = this.#unread.shift()
    if (value) {
      this.#unreadBytes -= value.byteLength
      if (this.#isPaused && this.#unreadBytes === 0 && !this.#isOver) {
        this.#isPaused = false
        this.#controller!.resume()
      }
      return { done: false, value }
    }
    if (this.#failure) throw this.#failure
    if (this.#isOver) return END
    this.#reader = Promise.withResolvers()
    return this.#reader.promise
  }

  /** All of it. @throws BodyTooLarge */
  text(): Promise<string> {
    return textOf(this, this.#maxWholeBytes)
  }

  /** The reader has had enough: the connection is closed, unless the answer was over. */
  async return(): Promise<Piece> {
    if (!this.#isOver) this.#abort(new DOMException('The rest is not read.', 'AbortError'))
    return END
  }
}

/** Below it an answer only announces another one. */
const FIRST_FINAL_STATUS = 200

/** As much of a `Response` as the SDK reads. */
class LeanResponse {
  readonly status: number
  readonly statusText: string
  readonly headers: Headers
  readonly body: Exchange
  readonly url = ''

  constructor(status: number, statusText: string, raw: RawHeaders, body: Exchange) {
    this.status = status
    this.statusText = statusText
    this.headers = headersOf(raw)
    this.body = body
  }

  get ok(): boolean {
    return this.status >= 200 && this.status < 300
  }

  text(): Promise<string> {
    return this.body.text()
  }

  async json(): Promise<unknown> {
    return JSON.parse(await this.text())
  }
}

function headersOf(raw: RawHeaders): Headers {
  const headers = new Headers()
  for (const [name, value] of Object.entries(raw)) {
    if (typeof value === 'string') headers.append(name, value)
    else for (const each of value ?? []) headers.append(name, each)
  }
  return headers
}
