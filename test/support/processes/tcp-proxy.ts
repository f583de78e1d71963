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

/** A TCP line to a port of this machine that a test can break at any moment, as networks do. */
export class TcpProxy implements AsyncDisposable {
  readonly #server: Server
  readonly #pairs = new Set<{ readonly client: Socket; readonly upstream: Socket }>()
  #line: Line = 'open'
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
          if (to.writable && !to.write(chunk)) from.pause()
        }
        const passLate = async (chunk: Buffer, before: Promise<void> | null, waitMs: number) => {
          await Promise.all([before, pause(waitMs)])
          pass(chunk)
        }
        from.on('data', (chunk: Buffer) => {
          if (this.#line === 'silent') return
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

  static async to(port: number): Promise<TcpProxy> {
    const proxy = new TcpProxy(port)
    proxy.#server.listen(0, '127.0.0.1')
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
