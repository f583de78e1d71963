import { OpenAiChannel } from '../../src/channels/openai/openai-channel.ts'
import { systemClock } from '../../src/support/clock.ts'
import { pause } from '../support/until.ts'
import { CAPABILITIES } from './capabilities.ts'
import { channelContract, type ChannelFixture } from './channel.ts'

const ADDRESS = 'owner/k/TEST'
const CONTEXT = { digest: 'd', system: null, turns: [], model: null, maxTokens: null, stop: [] }

/** A program that asks one thing after the other, and repeats what was not accepted as the same request. */
class PatientProgram {
  channel: OpenAiChannel | null = null
  open = 0
  #queue: Promise<void> = Promise.resolve()
  #closed = false

  post(requestId: string, text: string): void {
    this.open++
    this.#queue = this.#queue.then(() => this.#retryUntilStopped(requestId, text))
  }

  close(): void {
    this.#closed = true
  }

  async #retryUntilStopped(requestId: string, text: string): Promise<void> {
    const person = { id: 'owner', name: null }
    const request = { address: ADDRESS, requestId, person, text, attachments: [], context: CONTEXT }
    while (!this.#closed) {
      if (await this.channel?.post(request).catch(() => null)) return void this.open--
      await pause(20)
    }
  }
}

channelContract('openai', {
  capabilities: CAPABILITIES.openai,
  async open(): Promise<ChannelFixture> {
    const program = new PatientProgram()
    const said = new Map<string, string>()
    return {
      platform: {
        address: ADDRESS,
        async say(text) {
          const id = String(said.size + 1)
          said.set(id, text)
          program.post(id, text)
          return id
        },
        async redeliver(id) {
          program.post(id, said.get(id)!)
        },
        acknowledged: () => program.open === 0,
        sent: () => [],
        attempts: () => 0,
        limitRate: () => {},
        block: () => {},
        down: () => {},
        up: () => {},
      },
      create: () => (program.channel = new OpenAiChannel(systemClock)),
      logged: () => '',
      secrets: [],
      async [Symbol.asyncDispose]() {
        program.close()
      },
    }
  },
})
