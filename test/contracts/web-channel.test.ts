import { WebChannel } from '../../src/channels/web/web-channel.ts'
import { systemClock } from '../../src/support/clock.ts'
import { pause } from '../support/until.ts'
import { CAPABILITIES } from './capabilities.ts'
import { channelContract, type ChannelFixture } from './channel.ts'

const PERSON = { id: 'p', name: null }
const ADDRESS = 'page'

/** A client of the page: says one thing after the other, and repeats what was not accepted under the same id. */
class PatientClient {
  channel: WebChannel | null = null
  open = 0
  #queue: Promise<void> = Promise.resolve()
  #closed = false

  post(messageId: string, text: string): void {
    this.open++
    this.#queue = this.#queue.then(() => this.#retryUntilStopped(messageId, text))
  }

  close(): void {
    this.#closed = true
  }

  async #retryUntilStopped(messageId: string, text: string): Promise<void> {
    while (!this.#closed) {
      const accepted = await this.channel
        ?.post({ address: ADDRESS, messageId, person: PERSON, text, attachments: [], alone: false })
        .catch(() => null)
      if (accepted) return void this.open--
      await pause(20)
    }
  }
}

channelContract('web', {
  capabilities: CAPABILITIES.web,
  async open(): Promise<ChannelFixture> {
    const client = new PatientClient()
    const said = new Map<string, string>()
    return {
      platform: {
        address: ADDRESS,
        async say(text) {
          const id = `m${said.size}`
          said.set(id, text)
          client.post(id, text)
          return id
        },
        async redeliver(id) {
          client.post(id, said.get(id)!)
        },
        acknowledged: () => client.open === 0,
        sent: () => [],
        attempts: () => 0,
        limitRate() {},
        block() {},
        down() {},
        up() {},
      },
      create: () => (client.channel = new WebChannel(systemClock)),
      logged: () => '',
      secrets: [],
      async [Symbol.asyncDispose]() {
        client.close()
      },
    }
  },
})
