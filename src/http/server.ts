import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import { MINUTE, SECOND, sleep, type Clock } from '../support/clock.ts'
import { HermesError } from '../support/errors.ts'
import type { Log } from '../support/log.ts'
import { isLoopbackHost } from '../support/loopback.ts'
import type { Secret } from '../support/secret.ts'
import { Auth } from './access/auth.ts'
import { HostCheck } from './access/host-check.ts'
import type { TokenList } from './access/token-list.ts'
import type { ApiServices } from './api/services.ts'
import { createApp, type App } from './app.ts'
import type { Metrics } from './metrics/metrics.ts'
import type { Endpoint } from './routes.ts'
import { Streams } from './streams/sse.ts'

/** A port that a stopping gateway still holds is free again within this. */
const PORT_PATIENCE_MS = 10 * SECOND
const PORT_RETRY_MS = 250
/** How many further ports the sandbox tries. */
const PORTS_TO_TRY = 100
/** Current requests get this long at a stop; then their connections are cut. */
const DRAIN_MS = 1 * SECOND
/** Longer than proxies and clients keep an idle connection, so that we never close it under a request. */
const KEEP_ALIVE_MS = 75 * SECOND
/** Cuts off clients that send their headers too slowly. */
const HEADERS_TIMEOUT_MS = 20 * SECOND
/** A 20 MB upload over a slow phone's connection. */
const REQUEST_TIMEOUT_MS = 5 * MINUTE

/** The port stayed taken by another program. */
export class PortTaken extends HermesError {}

export interface HttpServerOptions {
  readonly host: string
  /** 0: any free one. */
  readonly port: number
  /** A taken port: wait for it, or move to the next free one (the sandbox). */
  readonly whenTaken: 'wait' | 'move'
  readonly publicUrls: readonly string[]
  readonly gatewayToken: Secret
  readonly tokens: TokenList
  readonly services: ApiServices
  readonly metrics: Metrics
  /** Where the build put the page. */
  readonly pageFolder: string
  /** Endpoints for other programs. */
  readonly endpoints?: readonly Endpoint[]
  readonly clock: Clock
  readonly log: Log
}

/** The HTTP server: probes, metrics, API and page on one port. */
export class HttpServer {
  readonly #options: HttpServerOptions
  readonly #server: Server
  readonly #streams: Streams
  readonly #app: App
  readonly #auth: Auth
  #port: number

  constructor(options: HttpServerOptions) {
    const { clock, log, services, metrics, tokens, pageFolder } = options
    this.#options = options
    this.#port = options.port
    const hosts = new HostCheck(options.publicUrls)
    this.#streams = new Streams(clock)
    this.#auth = new Auth({
      gatewayToken: options.gatewayToken,
      tokens,
      hosts,
      port: () => this.#port,
      now: () => clock.now(),
    })
    this.#app = createApp({
      services,
      metrics,
      auth: this.#auth,
      tokens,
      hosts,
      streams: this.#streams,
      url: () => this.url,
      pageAddress: () => this.pageAddress(),
      pageFolder,
      endpoints: options.endpoints ?? [],
      clock,
      log,
    })
    this.#server = createServer(
      {
        keepAliveTimeout: KEEP_ALIVE_MS,
        headersTimeout: HEADERS_TIMEOUT_MS,
        requestTimeout: REQUEST_TIMEOUT_MS,
      },
      listener(this.#app),
    )
    // A connection broken in mid-request is the client's fault.
    this.#server.on('clientError', (_error, socket) => {
      if (socket.writable)
        socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
      else socket.destroy()
    })
  }

  /**
   * Listens. Resolves with the port once connections are accepted.
   *
   * @throws PortTaken when the port stays taken for 10 s, or no other one is free
   */
  async listen(): Promise<{ readonly port: number; readonly moved: boolean }> {
    const { host, port, whenTaken, clock } = this.#options
    const end = clock.monotonic() + PORT_PATIENCE_MS
    for (let candidate = port; ;) {
      try {
        await this.#listenOn(host, candidate)
        this.#port = (this.#server.address() as AddressInfo).port
        return { port: this.#port, moved: port !== 0 && this.#port !== port }
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
      }
      if (whenTaken === 'move') {
        candidate++
        if (candidate > Math.min(port + PORTS_TO_TRY, MAX_PORT))
          throw new PortTaken(`ports ${port} to ${candidate - 1} are all taken`)
      } else {
        if (clock.monotonic() >= end)
          throw new PortTaken(
            `port ${port} is taken by another program; stop it, or choose another with --port or gateway.port`,
          )
        await sleep(clock, PORT_RETRY_MS)
      }
    }
  }

  /**
   * `http://127.0.0.1:8642`: where this machine reaches the gateway. Once it listens, the address itself
   * and no name: what `localhost` means is two addresses, and the other one's port may be somebody else's.
   */
  get url(): string {
    const address = this.#server.address() as AddressInfo | null
    const host = address?.address ?? this.#options.host
    const reachable = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host
    return `http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${this.#port}`
  }

  /** A fresh address of the page, with a one-use ticket in its fragment. */
  pageAddress(): string {
    const { host, publicUrls } = this.#options
    // Beyond loopback, only the configured names are accepted.
    const base = isLoopbackHost(host) ? this.url : (publicUrls[0]?.replace(/\/+$/, '') ?? this.url)
    return `${base}/#ticket=${this.#auth.issueTicket()}`
  }

  /** `gateway.token` has another content: the old one, its sessions and their streams end. */
  replaceGatewayToken(token: Secret): boolean {
    const isNew = this.#auth.replaceGatewayToken(token)
    if (isNew) this.#streams.endForbidden()
    return isNew
  }

  /** Reads the narrower tokens again; streams of those that are gone end. @throws StoreError */
  async reloadTokens(): Promise<void> {
    await this.#options.tokens.reload()
    this.#streams.endForbidden()
  }

  /** The number of open event streams. */
  get readers(): number {
    return this.#streams.count
  }

  /** Stops accepting connections, ends the event streams, and gives current requests a second. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    // First the endpoints that still write a final error into their streams.
    this.#app.close()
    await new Promise((resolve) => setImmediate(resolve))
    this.#streams.close()
    this.#server.closeIdleConnections()
    const cut = setTimeout(() => this.#server.closeAllConnections(), DRAIN_MS)
    await closed
    clearTimeout(cut)
  }

  #listenOn(host: string, port: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const settled = () => {
        this.#server.off('error', onError)
        this.#server.off('listening', onListening)
      }
      const onError = (error: Error) => {
        settled()
        reject(error)
      }
      const onListening = () => {
        settled()
        resolve()
      }
      this.#server.on('error', onError)
      this.#server.on('listening', onListening)
      this.#server.listen(port, host)
    })
  }
}

const MAX_PORT = 65_535

function listener(app: App): (incoming: IncomingMessage, outgoing: ServerResponse) => void {
  const answer = getRequestListener((request, env) => app.fetch(request, env as never), {
    // A request that cannot be parsed (a bad target or host) is the client's error.
    errorHandler: () => new Response(null, { status: 400 }),
  })
  return (incoming, outgoing) => void answer(incoming, outgoing)
}
