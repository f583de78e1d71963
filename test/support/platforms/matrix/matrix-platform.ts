import { CAPABILITIES } from '../../../contracts/capabilities.ts'
import { TcpProxy } from '../../processes/tcp-proxy.ts'
import { until } from '../../until.ts'
import type { BotPlatform } from '../bot-platform.ts'
import { MatrixServer } from './matrix-server.ts'

/** The machine may be busy with other tests while the gateway starts. */
const START_TIMEOUT_MS = 90_000

/** A homeserver for a whole gateway, with a private room for each conversation. Repeats are dropped there. */
export async function matrixPlatform(): Promise<BotPlatform & { readonly server: MatrixServer }> {
  const server = await MatrixServer.start()
  const { rooms } = server
  const line = await TcpProxy.to(server.port)
  const personOf = (conversation: number) => `@person${conversation}:test`
  const roomOf = (conversation: number) => {
    const roomId = `!room${conversation}:test`
    return rooms.rooms.has(roomId) ? roomId : rooms.openRoom(roomId, [personOf(conversation)])
  }
  return {
    name: 'matrix',
    channels: { matrix: { api_root: `http://127.0.0.1:${line.port}` } },
    env: { MATRIX_ACCESS_TOKEN: MatrixServer.token, MATRIX_ALLOWED_USERS: '*' },
    lines: [line],
    dropsRepeats: CAPABILITIES.matrix.dropsRepeats,
    server,
    async say(conversation, text) {
      // What was said before a gateway has ever looked is history, which it leaves alone.
      const looked = () => server.callsOf('sync').some(({ query }) => query.has('since'))
      await until(looked, 'the first look of the gateway', START_TIMEOUT_MS)
      rooms.say(roomOf(conversation), personOf(conversation), text)
    },
    answers: (conversation) => rooms.shown(roomOf(conversation)).map(({ text }) => text),
    async [Symbol.asyncDispose]() {
      await line[Symbol.asyncDispose]()
      await server[Symbol.asyncDispose]()
    },
  }
}
