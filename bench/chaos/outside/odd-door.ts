import { once } from 'node:events'
import {
  createServer,
  request as ask,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'
import type { NO_ANSWER } from './odd-bodies.ts'
import type { OddValues } from './odd-values.ts'

/** A request on its way to the server behind the door. */
export interface Passing {
  readonly method: string
  readonly path: string
  readonly body: string
}

/** What becomes of an answer. */
export type Strike =
  /** The server is not asked, or has done what it was asked for; either way this comes instead of its answer. */
  | { readonly kind: 'instead'; readonly body: (typeof NO_ANSWER)[number] }
  | { readonly kind: 'after'; readonly body: (typeof NO_ANSWER)[number] }
  /** The server's answer, ended in its middle. */
  | { readonly kind: 'cut' }
  /** The server's own JSON, or its events, with parts that are something else. */
  | { readonly kind: 'changed'; readonly change: (data: unknown) => unknown }

/** Ahead of a server: passes on what it is asked and answers oddly now and then. Sockets pass untouched. */
export class OddDoor implements AsyncDisposable {
  /** How often each kind of answer was odd. */
  readonly struck = new Map<string, number>()
  /** False: every answer passes as it is. */
  odd = false
  /** Is given each request, and the pieces of its answer, unless that is odd. */
  watch: (what: string, content: string) => void = () => {}
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  private constructor(toPort: number, odd: OddValues, strikeOf: (passing: Passing) => Strike | null) {
    this.#server = createServer((request, response) => {
      void this.#pass(toPort, odd, strikeOf, request, response).catch(() => response.destroy())
    })
    this.#server.requestTimeout = 0
    this.#server.on('upgrade', (request: IncomingMessage, client: Socket, head: Buffer) => {
      const upstream = connect(toPort, '127.0.0.1')
      const lines = [`${request.method} ${request.url} HTTP/1.1`]
      for (let index = 0; index < request.rawHeaders.length; index += 2)
        lines.push(`${request.rawHeaders[index]}: ${request.rawHeaders[index + 1]}`)
      upstream.write(`${lines.join('\r\n')}\r\n\r\n`)
      upstream.write(head)
      for (const [one, other] of [
        [client, upstream],
        [upstream, client],
      ] as const) {
        this.#sockets.add(one)
        one.pipe(other)
        one.on('error', () => other.destroy())
        one.on('close', () => {
          this.#sockets.delete(one)
          other.destroy()
        })
      }
    })
  }

  static async to(
    port: number,
    odd: OddValues,
    strikeOf: (passing: Passing) => Strike | null,
  ): Promise<OddDoor> {
    const door = new OddDoor(port, odd, strikeOf)
    door.#server.listen(0, '127.0.0.1')
    await once(door.#server, 'listening')
    return door
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.closeAllConnections()
    this.#server.close()
  }

  async #pass(
    port: number,
    odd: OddValues,
    strikeOf: (passing: Passing) => Strike | null,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    response.on('error', () => {})
    const body = Buffer.concat(await Array.fromAsync(request as AsyncIterable<Buffer>))
    const { method = 'GET', url = '/', headers } = request
    const strike = this.odd ? strikeOf({ method, path: url, body: body.toString() }) : null
    const call = url.replace(/\?.*/, '').split('/').at(-1)
    const name = strike && ('body' in strike ? `${strike.kind} ${strike.body[0]}` : strike.kind)
    if (name) this.struck.set(name, (this.struck.get(name) ?? 0) + 1)
    this.watch(`asks ${call}${name ? ` (${name})` : ''}`, body.toString())
    if (strike?.kind === 'instead') return strike.body[1](response, odd)
    const upstream = ask({ port, host: '127.0.0.1', method, path: url, headers, agent: false })
    response.on('close', () => upstream.destroy())
    upstream.end(body)
    const [answer] = (await once(upstream, 'response')) as [IncomingMessage]
    if (strike?.kind === 'after') {
      answer.resume()
      await once(answer, 'end')
      return strike.body[1](response, odd)
    }
    if (!strike) {
      response.writeHead(answer.statusCode!, answer.headers)
      response.flushHeaders()
      answer.on('data', (chunk: Buffer) => this.watch(`hears ${call}`, chunk.toString()))
      return void answer.pipe(response)
    }
    const whole = Buffer.concat(await Array.fromAsync(answer as AsyncIterable<Buffer>))
    if (strike.kind === 'cut') {
      response.writeHead(answer.statusCode!, withoutLength(answer.headers))
      response.write(whole.subarray(0, 1 + odd.below(whole.length)), () => response.destroy())
      return
    }
    const changed = changedBody(whole.toString(), strike.change, odd)
    response.writeHead(answer.statusCode!, withoutLength(answer.headers)).end(changed)
  }
}

function withoutLength(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  const { 'content-length': _length, ...others } = headers
  return others
}

/** JSON, or the data of one or two events of a stream, as `change` makes it. */
function changedBody(body: string, change: (data: unknown) => unknown, odd: OddValues): string {
  if (!/^data: /m.test(body)) return written(change(JSON.parse(body)))
  const lines = body.split('\n')
  const data = lines.flatMap((line, index) => (line.startsWith('data: ') ? [index] : []))
  for (let count = 1 + odd.below(2); count > 0; count--) {
    const index = odd.pick(data)
    const before = JSON.parse(lines[index]!.slice('data: '.length)) as unknown
    lines[index] = `data: ${written(change(before)).replaceAll('\n', ' ') || 'null'}`
  }
  return lines.join('\n')
}

function written(value: unknown): string {
  return JSON.stringify(value) ?? ''
}
