import type { Channel } from '../../../../src/channels/channel.ts'
import { createMatrixChannel, type MatrixOptions } from '../../../../src/channels/matrix/channel.ts'
import { systemClock, type Clock } from '../../../../src/support/clock.ts'
import { createLog } from '../../../../src/support/log.ts'
import { Secret } from '../../../../src/support/secret.ts'
import type { RecordingReceiver } from '../recording-receiver.ts'
import { MatrixRooms } from './matrix-rooms.ts'
import { MatrixServer } from './matrix-server.ts'

export const ADA = '@ada:test'
export const BOB = '@bob:test'
export const EVE = '@eve:test'
/** Ada and the bot. */
export const PRIVATE_ROOM = '!private:test'
/** Ada, Bob and the bot. */
export const GROUP_ROOM = '!group:test'

/** Waits take a twentieth of their time. */
const HURRIED = 20
const hurriedClock: Clock = {
  ...systemClock,
  setTimer: (callback, delayMs) => systemClock.setTimer(callback, delayMs / HURRIED),
}

/** A homeserver, and channels that talk to it. */
export class MatrixFixture implements AsyncDisposable {
  readonly server: MatrixServer
  readonly lines: string[] = []
  readonly #log: Awaited<ReturnType<typeof createLog>>
  readonly #channels: Channel[] = []

  private constructor(server: MatrixServer, lines: string[], log: Awaited<ReturnType<typeof createLog>>) {
    this.server = server
    this.lines = lines
    this.#log = log
  }

  static async open(): Promise<MatrixFixture> {
    const lines: string[] = []
    const destination = { write: (line: string) => void lines.push(line) }
    const log = await createLog({ level: 'trace', destination })
    const server = await MatrixServer.start()
    server.rooms.openRoom(PRIVATE_ROOM, [ADA])
    server.rooms.openRoom(GROUP_ROOM, [ADA, BOB])
    return new MatrixFixture(server, lines, log)
  }

  /** A channel of a gateway that has run before and had seen all that is there now, unless `receiver` knows better. */
  createKnowing(receiver: RecordingReceiver, options: Partial<MatrixOptions> = {}): Channel {
    if (receiver.cursors.size === 0) {
      const { rooms } = this.server
      receiver.cursors.set(`sync ${MatrixRooms.bot}`, `s${rooms.position}`)
      for (const room of rooms.rooms.keys()) receiver.cursors.set(`room ${room}`, '-')
    }
    return this.create(receiver, options)
  }

  create(receiver: RecordingReceiver, options: Partial<MatrixOptions> = {}): Channel {
    const channel = createMatrixChannel({
      token: new Secret(MatrixServer.token),
      apiRoot: this.server.apiRoot,
      welcome: new Set([ADA]),
      openRooms: new Set(),
      clock: hurriedClock,
      log: this.#log,
      readCursors: async () => [...receiver.cursors].map(([name, value]) => ({ name, value })),
      writeCursor: async (name, value) => void receiver.cursors.set(name, value),
      waitMs: 1_000,
      inputs: receiver.inputs,
      ...options,
    })
    this.#channels.push(channel)
    return channel
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#channels.map((channel) => channel.stop()))
    await this.server[Symbol.asyncDispose]()
  }
}
