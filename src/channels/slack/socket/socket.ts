import https from 'node:https'
import { WebSocket } from 'ws'
import { SECOND, sleep, type Clock, type Timer } from '../../../support/clock.ts'
import { networkCode } from '../../kit/failure.ts'
import { USER_AGENT, type SlackClient } from '../api/client.ts'
import { SlackFailure } from '../api/failure.ts'

/** What Slack sends through the socket. @see https://docs.slack.dev/apis/events-api/using-socket-mode */
export interface Frame {
  readonly type?: string
  readonly envelope_id?: string
  readonly payload?: unknown
  /** Of a `disconnect`: `warning`, `refresh_requested`, `link_disabled`, `too_many_websockets`. */
  readonly reason?: string
  /** Of a `hello`: how many sockets are open with this app token, this one included. */
  readonly num_connections?: number
  readonly retry_attempt?: number
}

export interface SocketOptions {
  readonly clock: Clock
  /** Slack has greeted: from now on it delivers. Called before the first envelope is. */
  readonly onHello: () => void
  /** Envelopes in their order; each must be acknowledged once durable. */
  readonly onEnvelope: (envelope: Frame, ack: () => void) => void
}

/** From the request for an address to Slack's greeting. */
const HELLO_LIMIT_MS = 30 * SECOND
/** Slack answers a close frame, but does not end the connection itself. */
const CLOSE_PATIENCE_MS = 300
const PING_EVERY_MS = 2 * SECOND
/** A connection that does not answer our pings is dead, even if it was never closed. */
const PONG_LIMIT_MS = 10 * SECOND
/** Slack pings every few seconds; once it stops, the connection is no longer served. */
const SLACK_PING_LIMIT_MS = 30 * SECOND
const NORMAL_CLOSURE = 1_000
/** Far above every frame, and little enough to be held in memory. */
const MAX_FRAME_BYTES = 16 * 1024 * 1024

/** One connection of Socket Mode, from its opening to its end; it is never opened again. */
export class Socket {
  readonly #options: SocketOptions
  readonly #socket: WebSocket
  readonly #hello = Promise.withResolvers<Frame>()
  readonly #ended = Promise.withResolvers<string>()
  readonly #closed = Promise.withResolvers<void>()
  #trouble: string | null = null
  /** Monotonic; counted from the opening at first. */
  #pongAt = 0
  /** Monotonic; null: Slack has not pinged yet. */
  #slackPingAt: number | null = null
  #watch: Timer | null = null

  private constructor(url: string, options: SocketOptions) {
    this.#options = options
    this.#socket = new WebSocket(url, {
      headers: { 'user-agent': USER_AGENT },
      maxPayload: MAX_FRAME_BYTES,
      // Node's own agent knows the configured proxy.
      ...(url.startsWith('wss:') ? { agent: https.globalAgent } : {}),
    })
    const { clock } = options
    this.#socket.on('open', () => {
      this.#pongAt = clock.monotonic()
      this.#watchSilence()
    })
    this.#socket.on('pong', () => (this.#pongAt = clock.monotonic()))
    this.#socket.on('ping', () => (this.#slackPingAt = clock.monotonic()))
    this.#socket.on('message', (data, isBinary) => {
      if (!isBinary) this.#receive(String(data))
    })
    // What the library says of an error may quote the address, which holds a ticket; its code says enough.
    this.#socket.on('error', (error) => (this.#trouble = networkCode(error)))
    this.#socket.on('close', () => {
      this.#watch?.cancel()
      this.#closed.resolve()
      this.#ended.resolve('closed')
    })
  }

  /**
   * Resolves when Slack has greeted.
   *
   * @param app with the app's token
   * @throws SlackFailure when it cannot be opened; the signal's reason when aborted
   */
  static async open(
    app: Pick<SlackClient, 'openConnection'>,
    options: SocketOptions,
    signal: AbortSignal,
  ): Promise<{ readonly socket: Socket; readonly hello: Frame }> {
    signal.throwIfAborted()
    const limit = new AbortController()
    const abort = () => limit.abort()
    signal.addEventListener('abort', abort, { once: true })
    const timer = options.clock.setTimer(abort, HELLO_LIMIT_MS)
    let socket: Socket | null = null
    try {
      socket = new Socket(await app.openConnection(limit.signal), options)
      return { socket, hello: await socket.#greeting(limit.signal) }
    } catch (error) {
      await socket?.close()
      signal.throwIfAborted()
      if (error instanceof SlackFailure) throw error
      const why = limit.signal.aborted ? 'no greeting in time' : networkCode(error)
      throw new SlackFailure('network', 'socket', why)
    } finally {
      timer.cancel()
      signal.removeEventListener('abort', abort)
    }
  }

  /** Resolves when nothing more comes, with Slack's reason; `closed` = the connection broke. */
  get ended(): Promise<string> {
    return this.#ended.promise
  }

  /** Ends the connection, with or without the other side. */
  async close(): Promise<void> {
    if (this.#socket.readyState === WebSocket.OPEN) {
      this.#socket.close(NORMAL_CLOSURE)
      await Promise.race([this.#closed.promise, sleep(this.#options.clock, CLOSE_PATIENCE_MS)])
    }
    if (this.#socket.readyState !== WebSocket.CLOSED) this.#socket.terminate()
    this.#watch?.cancel()
    this.#ended.resolve('closed')
  }

  async #greeting(signal: AbortSignal): Promise<Frame> {
    const aborted = Promise.withResolvers<never>()
    signal.addEventListener('abort', () => aborted.reject(signal.reason), { once: true })
    // A disconnection may come instead of the greeting: too many sockets, or Socket Mode is off.
    const refused = this.ended.then((reason) => {
      if (reason !== 'closed') throw new SlackFailure('server', 'socket', reason, { code: reason })
      const why = this.#trouble === null ? '' : ` (${this.#trouble})`
      throw new SlackFailure('network', 'socket', `the connection broke${why}`)
    })
    return Promise.race([this.#hello.promise, aborted.promise, refused])
  }

  #receive(text: string): void {
    const frame = parseFrame(text)
    if (frame === null) return
    if (frame.type === 'hello') {
      this.#options.onHello()
      return this.#hello.resolve(frame)
    }
    if (frame.type === 'disconnect') {
      return this.#ended.resolve(typeof frame.reason === 'string' ? frame.reason : 'closed')
    }
    const { envelope_id: id } = frame
    if (typeof id !== 'string') return
    this.#options.onEnvelope(frame, () => {
      // If the socket has closed in the meantime, Slack delivers the envelope again.
      if (this.#socket.readyState !== WebSocket.OPEN) return
      this.#socket.send(JSON.stringify({ envelope_id: id, payload: {} }))
    })
  }

  #watchSilence(): void {
    const { clock } = this.#options
    const now = clock.monotonic()
    const isDead = now - this.#pongAt > PONG_LIMIT_MS
    const isForgotten = this.#slackPingAt !== null && now - this.#slackPingAt > SLACK_PING_LIMIT_MS
    if (isDead || isForgotten) return this.#socket.terminate()
    if (this.#socket.readyState !== WebSocket.OPEN) return
    this.#socket.ping()
    this.#watch = clock.setTimer(() => this.#watchSilence(), PING_EVERY_MS)
  }
}

/** Null: not a JSON object. */
function parseFrame(text: string): Frame | null {
  try {
    const frame: unknown = JSON.parse(text)
    return typeof frame === 'object' && frame !== null ? frame : null
  } catch {
    return null
  }
}
