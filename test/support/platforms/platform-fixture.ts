import { startSandbox, type Sandbox } from '../../../src/sandbox/sandbox.ts'
import type { Random } from '../chance.ts'
import { GatewayProcess } from '../processes/gateway-process.ts'
import { pause, until } from '../until.ts'
import type { BotPlatform } from './bot-platform.ts'

/** What can happen between a gateway and its platform. */
export const DISTURBANCES = [
  'killed',
  'cut off',
  'silent line',
  'refused at the door',
  'killed while it is cut off',
] as const
export type Disturbance = (typeof DISTURBANCES)[number]

export interface PlatformRound {
  /** Answers that appear in a chat more than once. */
  readonly repeated: number
  /** Promises that did not hold. */
  readonly broken: readonly string[]
}

const CONVERSATIONS = [0, 1] as const
const MESSAGES = ['first', 'second'] as const
/** The longest way from a message to its answer, while nothing is broken. */
const WAY_MS = 400
/** How long a line stays dead: longer than a request, shorter than any timeout. */
const DEAD_MS = 300
/** Back-off after a platform's trouble, on a busy machine. */
const TIMEOUT_MS = 120_000
const FIRST_ANSWER_MS = 60_000

/**
 * A whole gateway on one platform, disturbed once a round while messages are under way. What must
 * hold after each round: every message is answered, in the order of the questions.
 */
export class PlatformFixture implements AsyncDisposable {
  readonly #platform: BotPlatform
  readonly #sandbox: Sandbox
  readonly #gateway: GatewayProcess
  #round = 0

  private constructor(platform: BotPlatform, sandbox: Sandbox, gateway: GatewayProcess) {
    this.#platform = platform
    this.#sandbox = sandbox
    this.#gateway = gateway
  }

  /**
   * Takes over `platform`, and closes it in the end. Every conversation has had its first answer when this
   * resolves.
   */
  static async start(platform: BotPlatform): Promise<PlatformFixture> {
    const sandbox = await startSandbox({ marked: false })
    sandbox.control.answer({ style: 'echo', delayMs: 20, deltaDelayMs: 3, wordsPerDelta: 3 })
    const gateway = await GatewayProcess.prepare({
      config: {
        model: { base_url: sandbox.url },
        gateway: { rate_per_person: 10_000 },
        channels: { web: { enabled: false }, ...platform.channels },
      },
      env: { ANTHROPIC_API_KEY: sandbox.apiKey(), ...platform.env },
    })
    const fixture = new PlatformFixture(platform, sandbox, gateway)
    try {
      await gateway.start()
      for (const conversation of CONVERSATIONS) {
        await platform.say(conversation, `hello ${conversation}`)
        await fixture.#answered(conversation, `hello ${conversation}`, FIRST_ANSWER_MS)
      }
      return fixture
    } catch (error) {
      await fixture[Symbol.asyncDispose]()
      throw error
    }
  }

  async round(disturbance: Disturbance, random: Random): Promise<PlatformRound> {
    const number = ++this.#round
    const texts = CONVERSATIONS.map((conversation) =>
      MESSAGES.map((message) => `round ${number} ${message} in ${conversation}`),
    )
    const disturbed = this.#disturb(disturbance, random)
    for (const [index] of MESSAGES.entries())
      for (const conversation of CONVERSATIONS)
        await this.#platform.say(conversation, texts[conversation]![index]!)
    await disturbed
    const broken: string[] = []
    let repeated = 0
    for (const conversation of CONVERSATIONS) {
      const wanted = texts[conversation]!
      try {
        for (const text of wanted) await this.#answered(conversation, text, TIMEOUT_MS)
      } catch {
        broken.push(
          `lost in ${conversation}: ${this.#ofRound(conversation, number).join(' | ') || 'everything'}`,
        )
        continue
      }
      const seen = this.#ofRound(conversation, number)
      const first = wanted.map((text) => seen.findIndex((answer) => answer.includes(text)))
      if (first.some((place, index) => index > 0 && place < first[index - 1]!))
        broken.push(`out of order: ${seen.join(' | ')}`)
      repeated += seen.length - wanted.length
      if (this.#platform.dropsRepeats && seen.length > wanted.length)
        broken.push(`answered twice: ${seen.join(' | ')}`)
    }
    return {
      repeated,
      broken: broken.map((line) => `${this.#platform.name}, round ${number}, ${disturbance}: ${line}`),
    }
  }

  /** What the gateway said, for a round that failed. */
  get log(): string {
    return this.#gateway.stderr
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#gateway[Symbol.asyncDispose]()
    await this.#platform[Symbol.asyncDispose]()
    await this.#sandbox.close()
  }

  async #disturb(disturbance: Disturbance, random: Random): Promise<void> {
    await pause(random() * WAY_MS)
    const { lines } = this.#platform
    const gateway = this.#gateway
    const dead = async (line: 'silent' | 'refused') => {
      for (const each of lines) each.line = line
      await pause(DEAD_MS)
    }
    const restore = () => {
      for (const each of lines) {
        // The silent line has lost bytes: no connection can continue after that.
        each.cut()
        each.line = 'open'
      }
    }
    switch (disturbance) {
      case 'killed':
        return gateway.restart('SIGKILL')
      case 'cut off':
        return restore()
      case 'silent line':
        await dead('silent')
        return restore()
      case 'refused at the door':
        await dead('refused')
        return restore()
      case 'killed while it is cut off':
        await dead('refused')
        await gateway.kill('SIGKILL')
        restore()
        return gateway.start()
    }
  }

  async #answered(conversation: number, text: string, patienceMs: number): Promise<void> {
    const { name } = this.#platform
    await until(
      () => this.#platform.answers(conversation).some((answer) => answer.includes(text)),
      `${name}'s answer to "${text}"`,
      patienceMs,
    )
  }

  #ofRound(conversation: number, round: number): readonly string[] {
    return this.#platform.answers(conversation).filter((answer) => answer.includes(`round ${round} `))
  }
}
