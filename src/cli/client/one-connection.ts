import { Agent, request, type IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'

interface Sent {
  /** Sent as JSON. */
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  /** No further request follows. */
  readonly last?: boolean
  readonly signal?: AbortSignal
}

/**
 * HTTP requests, one after the other, over one connection that is never opened again: the program that answered the
 * first one gets the others, or nobody does. The body of each response is read before the next request.
 */
export class OneConnection {
  readonly #url: string
  readonly #agent = new OneSocketAgent({ keepAlive: true, maxSockets: 1 })

  /** @param url of an `http` server */
  constructor(url: string) {
    this.#url = url
  }

  /** Redirects are not followed. @throws when the connection is closed, or the signal's reason */
  async send(
    method: 'GET' | 'POST',
    path: string,
    { body, headers, last = false, signal }: Sent,
  ): Promise<Response> {
    const text = body === undefined ? undefined : JSON.stringify(body)
    const incoming = await new Promise<IncomingMessage>((resolve, reject) => {
      const outgoing = request(new URL(path, this.#url), {
        method,
        agent: this.#agent,
        headers: {
          ...headers,
          ...(last ? { connection: 'close' } : {}),
          ...(text === undefined
            ? {}
            : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
        },
        ...(signal ? { signal } : {}),
      })
      outgoing.on('response', resolve)
      outgoing.on('error', reject)
      outgoing.end(text)
    })
    const fields = Object.entries(incoming.headers).map(([name, value]): [string, string] => [
      name,
      String(value),
    ])
    return new Response(Readable.toWeb(incoming) as ReadableStream<Uint8Array>, {
      status: incoming.statusCode!,
      headers: fields,
    })
  }

  close(): void {
    this.#agent.destroy()
  }
}

class OneSocketAgent extends Agent {
  #opened = false

  override createConnection(...[options, callback]: Parameters<Agent['createConnection']>) {
    if (!this.#opened) {
      this.#opened = true
      return super.createConnection(options, callback)
    }
    // To the request: what an agent throws on events of its own nobody catches.
    process.nextTick(() => callback?.(new Error('the connection was closed'), undefined as never))
    return undefined
  }
}
