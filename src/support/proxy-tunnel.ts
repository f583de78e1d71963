import http from 'node:http'
import https from 'node:https'
import { isIP, type Socket } from 'node:net'
import tls from 'node:tls'
import { SECOND } from './clock.ts'
import type { Secret } from './secret.ts'

/** From the first packet to the proxy until the other end is proven; undici gives a direct connection as long. */
const TUNNEL_TIMEOUT_MS = 10 * SECOND
/** As undici does it: a peer that vanished silently is noticed. */
const KEEP_ALIVE_AFTER_MS = 60 * SECOND

const PROXY_AUTHENTICATION_REQUIRED = 407

/**
 * The proxy did not open the way. Nothing was sent to the other end. The message says why and names no
 * address: it may hold a password.
 */
class ProxyFailure extends Error {
  override readonly name = 'ProxyFailure'
  /** The system's code where there is one, otherwise `EPROXY`. */
  readonly code: string

  constructor(message: string, code = 'EPROXY', options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

export interface TunnelTarget {
  readonly hostname: string
  readonly port: number
  /** The name that the certificate must have. */
  readonly servername: string
}

/**
 * A TLS connection to `target` through a proxy, by CONNECT. One attempt: whatever goes wrong is an error
 * of this one call, within ten seconds.
 *
 * @param proxy `http:` or `https:`, with name and password where it wants them
 * @throws ProxyFailure; what TLS says of the other end
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-9.3.6
 */
export async function openTunnel(proxy: Secret, target: TunnelTarget): Promise<tls.TLSSocket> {
  const limit = AbortSignal.timeout(TUNNEL_TIMEOUT_MS)
  return await encrypt(await connect(new URL(proxy.reveal()), target, limit), target, limit)
}

/** The failure of the proxy that is behind `error`; null = there is none. */
export function proxyFailureIn(error: unknown): ProxyFailure | null {
  for (let at = error, depth = 0; at instanceof Error && depth < MAX_CAUSES; depth++) {
    if (at instanceof ProxyFailure) return at
    at = 'error' in at ? at.error : at.cause
  }
  return null
}

/** No chain of causes is longer, unless it is a circle. */
const MAX_CAUSES = 8

function connect(proxy: URL, { hostname, port }: TunnelTarget, limit: AbortSignal): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>()
  const host = `${hostname.includes(':') && !hostname.startsWith('[') ? `[${hostname}]` : hostname}:${port}`
  const request = (proxy.protocol === 'https:' ? https : http).request({
    method: 'CONNECT',
    hostname: proxy.hostname.replace(/^\[|\]$/g, ''),
    port: proxy.port || (proxy.protocol === 'https:' ? 443 : 80),
    path: host,
    headers: { host, ...authorization(proxy) },
    // A connection of its own, past the agents that would go through the proxy themselves.
    agent: false,
    signal: limit,
  })
  request.on('connect', (response, socket, head) => {
    if (isSuccess(response.statusCode)) {
      if (head.length > 0) socket.unshift(head)
      return resolve(socket)
    }
    socket.destroy()
    reject(refused(response.statusCode))
  })
  // Some proxies answer a CONNECT that they do not know like any other request.
  request.on('response', (response) => {
    response.destroy()
    reject(refused(response.statusCode))
  })
  request.on('error', (error: NodeJS.ErrnoException) => reject(unreachable(error, limit)))
  request.end()
  return promise
}

function encrypt(socket: Socket, { servername }: TunnelTarget, limit: AbortSignal): Promise<tls.TLSSocket> {
  const { promise, resolve, reject } = Promise.withResolvers<tls.TLSSocket>()
  // The one protocol that undici and ws are given.
  const name = isIP(servername) ? {} : { servername }
  const secure = tls.connect({ socket, host: servername, ...name, ALPNProtocols: ['http/1.1'] })
  const giveUp = () => secure.destroy(new ProxyFailure('nobody answers through the proxy in time'))
  limit.addEventListener('abort', giveUp, { once: true })
  secure.once('error', reject)
  secure.once('secureConnect', () => {
    limit.removeEventListener('abort', giveUp)
    secure.off('error', reject)
    secure.setKeepAlive(true, KEEP_ALIVE_AFTER_MS).setNoDelay(true)
    resolve(secure)
  })
  return promise
}

/** @see https://www.rfc-editor.org/rfc/rfc9110#section-9.3.6-2 */
function isSuccess(status: number | undefined): boolean {
  return status !== undefined && status >= 200 && status < 300
}

function authorization({ username, password }: URL): { readonly 'proxy-authorization'?: string } {
  if (username === '') return {}
  const login = `${decoded(username)}:${decoded(password)}`
  return { 'proxy-authorization': `Basic ${Buffer.from(login).toString('base64')}` }
}

/** A password such as `50%off` was never encoded. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

function refused(status: number | undefined): ProxyFailure {
  const wants =
    status === PROXY_AUTHENTICATION_REQUIRED ? '; does HTTPS_PROXY hold its name and password?' : ''
  return new ProxyFailure(`the proxy refuses (${status})${wants}`)
}

function unreachable(error: NodeJS.ErrnoException, limit: AbortSignal): ProxyFailure {
  const options = { cause: error }
  if (limit.aborted) return new ProxyFailure('the proxy does not answer in time', 'EPROXY', options)
  if (error.code === 'ECONNRESET' || error.code === 'EPIPE')
    return new ProxyFailure('the proxy closes the connection', 'EPROXY', options)
  const code = error.code ?? 'EPROXY'
  return new ProxyFailure(`the proxy cannot be reached (${code})`, code, options)
}
