import type { Channel } from '../../../../src/channels/channel.ts'
import { createSlackChannel, type SlackOptions } from '../../../../src/channels/slack/channel.ts'
import { systemClock } from '../../../../src/support/clock.ts'
import { createLog } from '../../../../src/support/log.ts'
import { Secret } from '../../../../src/support/secret.ts'
import type { RecordingReceiver } from '../recording-receiver.ts'
import { SlackServer } from './slack-server.ts'
import { ADA } from './slack-workspace.ts'

/** Ada's private chat with the bot. */
export const PRIVATE = 'D0ADA'
/** A public channel that the bot is in. */
export const GENERAL = 'C0GENERAL'

/** A simulator, and channels that talk to it. */
export class SlackFixture implements AsyncDisposable {
  readonly server: SlackServer
  readonly lines: string[]
  readonly #log: Awaited<ReturnType<typeof createLog>>
  readonly #channels: Channel[] = []

  private constructor(server: SlackServer, lines: string[], log: Awaited<ReturnType<typeof createLog>>) {
    this.server = server
    this.lines = lines
    this.#log = log
  }

  static async open(): Promise<SlackFixture> {
    const lines: string[] = []
    const log = await createLog({ level: 'trace', destination: { write: (line) => void lines.push(line) } })
    const server = await SlackServer.start()
    server.workspace.open(PRIVATE, 'im', { user: ADA })
    server.workspace.open(GENERAL, 'public_channel')
    return new SlackFixture(server, lines, log)
  }

  create(receiver: RecordingReceiver, options: Partial<SlackOptions> = {}): Channel {
    const channel = createSlackChannel({
      botToken: new Secret(SlackServer.botToken),
      appToken: new Secret(SlackServer.appToken),
      apiRoot: this.server.apiRoot,
      clock: systemClock,
      log: this.#log,
      readCursors: async () => [...receiver.cursors].map(([name, value]) => ({ name, value })),
      writeCursor: async (name, value) => void receiver.cursors.set(name, value),
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
