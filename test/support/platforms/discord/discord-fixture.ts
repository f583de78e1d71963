import type { Channel } from '../../../../src/channels/channel.ts'
import { createDiscordChannel, type DiscordOptions } from '../../../../src/channels/discord/channel.ts'
import { systemClock } from '../../../../src/support/clock.ts'
import { createLog } from '../../../../src/support/log.ts'
import { Secret } from '../../../../src/support/secret.ts'
import { until } from '../../until.ts'
import type { RecordingReceiver } from '../recording-receiver.ts'
import { PERSON } from './discord-chats.ts'
import { DiscordServer } from './discord-server.ts'

/** A simulator with a person's private chat, and channels that talk to it. */
export class DiscordFixture implements AsyncDisposable {
  readonly server: DiscordServer
  /** A person's private chat with the bot. */
  readonly chat: string
  readonly lines: string[] = []
  readonly #log: Awaited<ReturnType<typeof createLog>>
  readonly #channels: Channel[] = []

  private constructor(server: DiscordServer, lines: string[], log: Awaited<ReturnType<typeof createLog>>) {
    this.server = server
    this.chat = server.chats.openPrivate(PERSON)
    this.lines = lines
    this.#log = log
  }

  static async open(): Promise<DiscordFixture> {
    const lines: string[] = []
    const destination = { write: (line: string) => void lines.push(line) }
    const log = await createLog({ level: 'trace', destination })
    return new DiscordFixture(await DiscordServer.start(), lines, log)
  }

  create(receiver: RecordingReceiver, options: Partial<DiscordOptions> = {}): Channel {
    const channel = createDiscordChannel({
      token: new Secret(DiscordServer.token),
      apiRoot: this.server.apiRoot,
      requireMention: true,
      allowedRoles: [],
      overhears: false,
      clock: systemClock,
      log: this.#log,
      readCursors: async () => [...receiver.cursors].map(([name, value]) => ({ name, value })),
      inputs: receiver.inputs,
      ...options,
    })
    this.#channels.push(channel)
    return channel
  }

  /** A channel that is connected. */
  async started(receiver: RecordingReceiver, options: Partial<DiscordOptions> = {}): Promise<Channel> {
    const channel = this.create(receiver, options)
    await channel.start(receiver)
    await until(() => channel.status().state === 'connected', 'the connection')
    return channel
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#channels.map((channel) => channel.stop()))
    await this.server[Symbol.asyncDispose]()
  }
}
