import { MatrixServer } from './matrix-server.ts'
import type { PlatformWorld } from './platform-world.ts'
import { TcpProxy } from './tcp-proxy.ts'

/** Matrix for a whole gateway: a homeserver with a private room for each conversation, behind one line. */
export class MatrixWorld implements PlatformWorld {
  readonly name = 'matrix'
  /** Transactions are dropped by the homeserver. */
  readonly dropsRepeats = true
  readonly server: MatrixServer
  readonly lines: readonly TcpProxy[]

  private constructor(server: MatrixServer, line: TcpProxy) {
    this.server = server
    this.lines = [line]
  }

  static async start(): Promise<MatrixWorld> {
    const server = await MatrixServer.start()
    return new MatrixWorld(server, await TcpProxy.to(server.port))
  }

  get channels(): Readonly<Record<string, unknown>> {
    return { matrix: { api_root: `http://127.0.0.1:${this.lines[0]!.port}` } }
  }

  get env(): Readonly<Record<string, string>> {
    return { MATRIX_ACCESS_TOKEN: MatrixServer.token, MATRIX_ALLOWED_USERS: '*' }
  }

  async say(conversation: number, text: string): Promise<void> {
    this.server.world.say(this.#roomOf(conversation), `@person${conversation}:test`, text)
  }

  answers(conversation: number): readonly string[] {
    return this.server.world.shown(this.#roomOf(conversation)).map(({ text }) => text)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.lines[0]![Symbol.asyncDispose]()
    await this.server[Symbol.asyncDispose]()
  }

  #roomOf(conversation: number): string {
    const roomId = `!room${conversation}:test`
    if (!this.server.world.rooms.has(roomId)) this.server.world.openRoom(roomId, [`@person${conversation}:test`])
    return roomId
  }
}
