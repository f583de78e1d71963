import type { Channel } from '../../../../src/channels/channel.ts'
import { createTelegramChannel, type TelegramOptions } from '../../../../src/channels/telegram/channel.ts'
import { systemClock } from '../../../../src/support/clock.ts'
import { createLog } from '../../../../src/support/log.ts'
import { Secret } from '../../../../src/support/secret.ts'
import type { RecordingReceiver } from '../recording-receiver.ts'
import { TelegramServer } from './telegram-server.ts'

/** A person and a private chat with the bot. */
export const PRIVATE_CHAT = 501
export const GROUP_CHAT = -1_001_234_567_890

/** A simulator, and channels that talk to it. */
export class TelegramFixture implements AsyncDisposable {
  readonly server: TelegramServer
  readonly lines: string[] = []
  readonly #log: Awaited<ReturnType<typeof createLog>>
  readonly #channels: Channel[] = []

  private constructor(server: TelegramServer, lines: string[], log: Awaited<ReturnType<typeof createLog>>) {
    this.server = server
    this.lines = lines
    this.#log = log
  }

  static async open(): Promise<TelegramFixture> {
    const lines: string[] = []
    const destination = { write: (line: string) => void lines.push(line) }
    const log = await createLog({ level: 'trace', destination })
    const server = await TelegramServer.start()
    server.chats.openChat(PRIVATE_CHAT)
    server.chats.openChat(GROUP_CHAT)
    return new TelegramFixture(server, lines, log)
  }

  create(receiver: RecordingReceiver, options: Partial<TelegramOptions> = {}): Channel {
    const channel = createTelegramChannel({
      token: new Secret(TelegramServer.token),
      apiRoot: this.server.apiRoot,
      clock: systemClock,
      log: this.#log,
      readCursor: async (name) => receiver.cursors.get(name) ?? null,
      writeCursor: async (name, value) => void receiver.cursors.set(name, value),
      pollSeconds: 1,
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
