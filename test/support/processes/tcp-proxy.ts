import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { pause } from '../until.ts'

/**
 * What happens to bytes on their way: passed on, swallowed in silence, refused at the door, or passed on
 * with the server's answers `LATE_MS` late.
 */
export type Line = 'open' | 'silent' | 'refused' | 'late'

/** Longer than anybody waits for an answer here, and shorter than a line is silent. */
const LATE_MS = 8_000

interface Pair {
  readonly client: Socket
  readonly upstream: Socket
}

interface Lost {
  readonly text: string
  readonly answer: string
  /** Who sent the request; null = it did not come yet. */
  client: Socket | null
  readonly done: () => void
}

/** A TCP line to a port of this machine that a test can break at any moment, as networks do. */
export class TcpProxy implements AsyncDisposable {
  readonly #server: Server
  readonly #pairs = new Set<Pair>()
  #line: Line = 'open'
  #lost: Lost | null = null
  /** Requests that it matches do not reach the server, and are not answered. */
  swallow: RegExp | null = null
  /** How many were swallowed. */
  swallowed = 0
  /** Connections that were ever taken. */
  connections = 0

  private constructor(toPort: number) {
    this.#server = createServer((client) => {
      if (this.#line === 'refused') return void client.resetAndDestroy()
      this.connections++
      const upstream = connect(toPort, '127.0.0.1')
      const pair = { client, upstream }
      this.#pairs.add(pair)
      for (const [from, to] of [
        [client, upstream],
        [upstream, client],
      ] as const) {
        // Bytes that are late are not overtaken by those that come after them.
        let late: Promise<void> | null = null
        const pass = (chunk: Buffer) => {
          if (this.#loses(chunk, pair, from === client)) return
          if (to.writable && !to.write(chunk)) from.pause()
        }
        const passLate = async (chunk: Buffer, before: Promise<void> | null, waitMs: number) => {
          await Promise.all([before, pause(waitMs)])
          pass(chunk)
        }
        from.on('data', (chunk: Buffer) => {
          if (this.#line === 'silent') return
          if (from === client && this.swallow?.test(chunk.toString('latin1'))) return void this.swallowed++
          const waitMs = this.#line === 'late' && from === upstream ? LATE_MS : 0
          if (waitMs === 0 && !late) return pass(chunk)
          const own = passLate(chunk, late, waitMs).finally(() => {
            if (late === own) late = null
          })
          late = own
        })
        to.on('drain', () => from.resume())
        from.on('end', () => to.end())
        from.on('error', () => to.destroy())
        from.on('close', () => {
          to.destroy()
          this.#pairs.delete(pair)
        })
      }
    })
  }

  /** @param at its own port; 0: any free one */
  static async to(port: number, at = 0): Promise<TcpProxy> {
    const proxy = new TcpProxy(port)
    proxy.#server.listen(at, '127.0.0.1')
    await once(proxy.#server, 'listening')
    return proxy
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** `silent`: connections stay, and nothing passes any more, as behind a router that forgot them. */
  set line(line: Line) {
    this.#line = line
    if (line === 'refused') this.cut()
  }

  /**
   * The next request that contains `text` reaches the server, and the part of the answer that contains `answer` does
   * not reach the client: its connection is reset instead. Resolves when it was.
   */
  loseAnswer(text: string, answer: string): Promise<void> {
    return new Promise((done) => (this.#lost = { text, answer, client: null, done }))
  }

  /** Whether it is the answer that is lost. */
  #loses(chunk: Buffer, { client, upstream }: Pair, isRequest: boolean): boolean {
    const lost = this.#lost
    if (!lost) return false
    if (isRequest && lost.client === null && chunk.includes(lost.text)) lost.client = client
    if (isRequest || lost.client !== client || !chunk.includes(lost.answer)) return false
    this.#lost = null
    client.resetAndDestroy()
    upstream.destroy()
    lost.done()
    return true
  }

  /** Resets every connection there is; new ones are taken as `line` says. */
  cut(): void {
    for (const { client, upstream } of this.#pairs) {
      client.resetAndDestroy()
      upstream.destroy()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut()
    this.#server.close()
  }
}
