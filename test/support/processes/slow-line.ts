import { once } from 'node:events'
import { connect, createServer, type AddressInfo } from 'node:net'
import { pause } from '../until.ts'

export interface SlowLineOptions {
  /** Bytes that pass at a time, in each direction. */
  readonly bytes: number
  /** Milliseconds between two portions. */
  readonly everyMs: number
}

/** A TCP line to a port of this machine over which everything arrives in small portions. */
export async function slowLine(
  toPort: number,
  { bytes, everyMs }: SlowLineOptions,
): Promise<{ readonly port: number } & AsyncDisposable> {
  const server = createServer((client) => {
    const upstream = connect(toPort, '127.0.0.1')
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      void drip(from, to).catch(() => undefined)
      from.on('error', () => to.destroy())
    }
  })

  async function drip(from: AsyncIterable<Buffer>, to: NodeJS.WritableStream): Promise<void> {
    for await (const chunk of from) {
      for (let at = 0; at < chunk.length; at += bytes) {
        to.write(chunk.subarray(at, at + bytes))
        await pause(everyMs)
      }
    }
    to.end()
  }

  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      server.close()
    },
  }
}
