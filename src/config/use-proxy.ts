import https from 'node:https'
import type { Duplex } from 'node:stream'
import { openTunnel, type TunnelTarget } from '../support/proxy-tunnel.ts'
import type { Secret } from '../support/secret.ts'

/** Is this host reached without the proxy? An empty port is the usual one. */
export type IsDirect = (hostname: string, port: string) => boolean

/**
 * Sends https through the proxy: that of `fetch`, and that of Node's own client, which WebSockets use.
 *
 * Node's own settings for this are not used. Their undici connects again without a pause, a thousand
 * times a second and for as long as the request lives, when a proxy accepts connections and closes
 * them. Here a tunnel that cannot be had fails every request that waits for it, and its error says what the proxy did.
 *
 * @returns takes the proxy out again
 * @see https://github.com/nodejs/undici/pull/5441
 */
export function useProxy(proxy: Secret, isDirect: IsDirect): () => void {
  const formerAgent = https.globalAgent
  https.globalAgent = new TunnelAgent(proxy, isDirect)
  const restoreFetch = installDispatcher(proxy, isDirect)
  return () => {
    https.globalAgent = formerAgent
    restoreFetch()
  }
}

const HTTPS_PORT = 443

type AgentOptions = Parameters<https.Agent['createConnection']>[0]
type AgentCallback = Parameters<https.Agent['createConnection']>[1]

class TunnelAgent extends https.Agent {
  readonly #proxy: Secret
  readonly #isDirect: IsDirect

  constructor(proxy: Secret, isDirect: IsDirect) {
    super()
    this.#proxy = proxy
    this.#isDirect = isDirect
  }

  override createConnection(options: AgentOptions, connected?: AgentCallback): Duplex | null | undefined {
    const { host, port, servername } = options as {
      host?: string
      port?: number | string
      servername?: string
    }
    const hostname = host ?? 'localhost'
    if (this.#isDirect(hostname, String(port ?? ''))) return super.createConnection(options, connected)
    openTunnel(this.#proxy, targetOf(hostname, port, servername)).then(
      (socket) => connected?.(null, socket),
      (error: Error) => connected?.(error, undefined as never),
    )
    return undefined
  }
}

/** As much of undici's `Dispatcher` as is used here. */
interface Dispatcher {
  dispatch(options: DispatchOptions, handler: unknown): boolean
  destroy(): Promise<void>
}

interface DispatchOptions {
  readonly origin: string | URL
}

/** undici's `Agent`, which keeps the connections of every origin. */
type AgentClass = new (options: {
  readonly connect: (
    options: { readonly hostname: string; readonly port: string; readonly servername?: string | null },
    connected: (error: Error | null, socket: Duplex | null) => void,
  ) => void
}) => Dispatcher

/** Where undici keeps the dispatcher of all requests, for its other copies as well. */
const GLOBAL_DISPATCHER = Symbol.for('undici.globalDispatcher.1')

function installDispatcher(proxy: Secret, isDirect: IsDirect): () => void {
  // Node loads its `fetch` when any part of it is first used, and only then there is a dispatcher.
  void globalThis.Response
  const holder = globalThis as unknown as Record<symbol, Dispatcher>
  const direct = holder[GLOBAL_DISPATCHER]!
  const tunnels = new (direct.constructor as AgentClass)({
    connect({ hostname, port, servername }, connected) {
      openTunnel(proxy, targetOf(hostname, port, servername)).then(
        (socket) => connected(null, socket),
        (error: Error) => connected(error, null),
      )
    },
  })
  const dispatch = (options: DispatchOptions, handler: unknown) => {
    const { protocol, hostname, port } = new URL(options.origin)
    const chosen = protocol !== 'https:' || isDirect(hostname, port) ? direct : tunnels
    return chosen.dispatch(options, handler)
  }
  holder[GLOBAL_DISPATCHER] = { dispatch, destroy: () => tunnels.destroy() }
  return () => {
    holder[GLOBAL_DISPATCHER] = direct
    void tunnels.destroy()
  }
}

function targetOf(
  hostname: string,
  port: number | string | undefined,
  servername: string | null | undefined,
): TunnelTarget {
  return { hostname, port: Number(port) || HTTPS_PORT, servername: servername || hostname }
}
