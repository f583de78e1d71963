import { SocketModeClient } from '@slack/socket-mode'
import type { Logger } from '@slack/web-api'
import { SECOND, sleep, type Clock } from '../../../support/clock.ts'
import type { Secret } from '../../../support/secret.ts'
import { SLACK_API, translate, USER_AGENT } from '../api/client.ts'
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
  readonly appToken: Secret
  readonly apiRoot: string | null
  readonly logger: Logger
  readonly clock: Clock
  readonly fetch?: typeof fetch
  /** Slack has greeted: from now on it delivers. Called before the first envelope is. */
  readonly onHello: () => void
  /** What is to be acknowledged, in its order. */
  readonly onEnvelope: (envelope: Frame, ack: () => void) => void
}

/** From the first request to Slack's greeting. */
const HELLO_LIMIT_MS = 30 * SECOND
/** Slack answers a closing frame, but does not end the connection itself. */
const CLOSE_PATIENCE_MS = 300

/** One connection of Socket Mode, from its opening to its end; it is never opened again. */
export class Socket {
  readonly #line: Line
  readonly #options: SocketOptions
  readonly #hello = Promise.withResolvers<Frame>()
  readonly #ended = Promise.withResolvers<string>()

  private constructor(options: SocketOptions, signal: AbortSignal) {
    this.#options = options
    const { appToken, apiRoot, logger } = options
    const request =
      options.fetch ?? ((input: string | URL | Request, init?: RequestInit) => fetch(input, init))
    this.#line = new Line(
      {
        appToken: appToken.reveal(),
        autoReconnectEnabled: false,
        logger,
        clientOptions: {
          slackApiUrl: `${apiRoot ?? SLACK_API}/`,
          retryConfig: { retries: 0 },
          rejectRateLimitedCalls: true,
          headers: { 'User-Agent': USER_AGENT, Authorization: `Bearer ${appToken.reveal()}` },
          fetch: (url, init) => request(url, { ...init, signal }),
        },
      },
      (frame) => this.#hear(frame),
    )
  }

  /**
   * Resolves when Slack has greeted.
   *
   * @throws SlackFailure when it cannot be opened; the signal's reason when aborted
   */
  static async open(
    options: SocketOptions,
    signal: AbortSignal,
  ): Promise<{ readonly socket: Socket; readonly hello: Frame }> {
    const patience = new AbortController()
    const abort = () => patience.abort(signal.reason)
    signal.throwIfAborted()
    signal.addEventListener('abort', abort, { once: true })
    const timer = options.clock.setTimer(abort, HELLO_LIMIT_MS)
    const socket = new Socket(options, patience.signal)
    try {
      return { socket, hello: await socket.#open(patience.signal) }
    } catch (error) {
      await socket.close()
      signal.throwIfAborted()
      throw translate('apps.connections.open', error)
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
    const closed = new Promise<void>((resolve) => void this.#line.once('disconnected', resolve))
    this.#line.disconnect().catch(ignore)
    await Promise.race([closed, sleep(this.#options.clock, CLOSE_PATIENCE_MS)])
    // Asked a second time, it does not wait for the other side any more.
    this.#line.disconnect().catch(ignore)
    this.#line.stopWaiting()
    this.#ended.resolve('closed')
  }

  async #open(signal: AbortSignal): Promise<Frame> {
    const failed = Promise.withResolvers<never>()
    this.#line.once('disconnected', () => {
      this.#ended.resolve('closed')
      failed.reject(new SlackFailure('network', 'socket', 'the connection broke'))
    })
    signal.addEventListener('abort', () => failed.reject(signal.reason), { once: true })
    // Its promise is settled by events that are ours to tell; only the request's failure is of interest.
    this.#line.start().catch((error: unknown) => {
      if (error !== undefined) failed.reject(error)
    })
    // A disconnection may come instead of the greeting: too many sockets, or Socket Mode is off.
    const refused = this.ended.then((reason) => {
      throw new SlackFailure('server', 'socket', reason, { code: reason })
    })
    return Promise.race([this.#hello.promise, failed.promise, refused])
  }

  #hear(frame: Frame): void {
    if (frame.type === 'hello') {
      this.#options.onHello()
      return this.#hello.resolve(frame)
    }
    if (frame.type === 'disconnect') return this.#ended.resolve(frame.reason ?? 'closed')
    const { envelope_id: id } = frame
    if (id === undefined) return
    this.#options.onEnvelope(frame, () =>
      // A socket that has closed meanwhile takes no acknowledgement: Slack delivers again.
      this.#line.websocket?.send(JSON.stringify({ envelope_id: id, payload: {} }), ignore),
    )
  }
}

type LineOptions = NonNullable<ConstructorParameters<typeof SocketModeClient>[0]>

/**
 * The library's client for one connection. Reading the frames is ours: the library's own reading
 * breaks on an event without a body of its own, such as `app_rate_limited`, and closes a
 * connection by its own rules.
 */
class Line extends SocketModeClient {
  readonly #onFrame: (frame: Frame) => void

  constructor(options: LineOptions, onFrame: (frame: Frame) => void) {
    super(options)
    this.#onFrame = onFrame
  }

  protected override async onWebSocketMessage(data: string | ArrayBuffer): Promise<void> {
    if (typeof data !== 'string') return
    let frame: unknown
    try {
      frame = JSON.parse(data)
    } catch {
      return
    }
    if (typeof frame === 'object' && frame !== null) this.#onFrame(frame)
  }

  /** A timer of the library that outlives a connection closed before it was open; it would keep the process alive. */
  stopWaiting(): void {
    const { websocket } = this
    if (websocket) clearTimeout(Reflect.get(websocket, 'closeHandshakeTimeout'))
  }
}

function ignore(): void {}
