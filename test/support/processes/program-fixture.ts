import OpenAI from 'openai'
import { Webhook } from 'standardwebhooks'
import { startSandbox, type Sandbox } from '../../../src/sandbox/sandbox.ts'
import type { Random } from '../chance.ts'
import type { Disturbance } from '../platforms/platform-fixture.ts'
import { pause } from '../until.ts'
import { GatewayProcess } from './gateway-process.ts'
import { TcpProxy } from './tcp-proxy.ts'

const HOOK_SECRET = 'TEST-hook-secret-0123456789'
const HOOK_CHAT = 'hooks'
const MODEL = 'claude-sonnet-5-5'
const PROGRAMS = [0, 1, 2] as const
/** The longest way from a request to its answer, while nothing is broken. */
const WAY_MS = 400
/** How long the line stays dead. */
const DEAD_MS = 300
/** A program that hears nothing asks again. */
const SILENCE_MS = 5_000
const RETRY_MS = 50
const TIMEOUT_MS = 120_000

/**
 * Programs that ask a whole gateway through a line that breaks, each again and again under its own
 * key until it is answered, while the gateway is killed. What must hold after each round: everybody
 * has the one answer, and each delivery of a webhook is in its chat once.
 */
export class ProgramFixture implements AsyncDisposable {
  readonly #sandbox: Sandbox
  readonly #gateway: GatewayProcess
  readonly #line: TcpProxy
  #round = 0

  private constructor(sandbox: Sandbox, gateway: GatewayProcess, line: TcpProxy) {
    this.#sandbox = sandbox
    this.#gateway = gateway
    this.#line = line
  }

  static async start(): Promise<ProgramFixture> {
    const sandbox = await startSandbox({ marked: false, keepRequests: 10_000 })
    sandbox.control.answer({ style: 'echo', delayMs: 20, deltaDelayMs: 3, wordsPerDelta: 3 })
    const hook = { name: 'program', secret: HOOK_SECRET, deliver_to: `web:${HOOK_CHAT}`, prompt: '{{body}}' }
    const gateway = await GatewayProcess.start({
      config: { model: { base_url: sandbox.url }, webhooks: [hook] },
      env: { ANTHROPIC_API_KEY: sandbox.apiKey() },
    })
    return new ProgramFixture(sandbox, gateway, await TcpProxy.to(gateway.port))
  }

  /** @returns what did not hold */
  async round(disturbance: Disturbance, random: Random): Promise<readonly string[]> {
    const round = ++this.#round
    const disturbed = this.#disturb(disturbance, random)
    const broken = await Promise.all([
      ...PROGRAMS.map((program) => this.#asks(`round ${round} of program ${program}`, program > 0)),
      this.#delivers(`round ${round} of the hook`),
      disturbed.then(() => null),
    ])
    return broken.filter((line) => line !== null).map((line) => `round ${round}, ${disturbance}: ${line}`)
  }

  get log(): string {
    return this.#gateway.stderr
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#line[Symbol.asyncDispose]()
    await this.#gateway[Symbol.asyncDispose]()
    await this.#sandbox.close()
  }

  /** One request, asked until it is answered, and once more to see that the answer stays. */
  async #asks(text: string, streamed: boolean): Promise<string | null> {
    const first = await persistently(() => this.#ask(text, streamed))
    if (first === null) return `lost: ${text}`
    const again = await persistently(() => this.#ask(text, streamed))
    if (first.text !== `Echo: ${text}` || again?.text !== first.text) return `wrong: ${first.text}`
    return again.id === first.id ? null : `answered twice: ${text}`
  }

  async #ask(text: string, streamed: boolean): Promise<{ readonly id: string; readonly text: string }> {
    const client = new OpenAI({
      apiKey: this.#gateway.token,
      baseURL: `http://127.0.0.1:${this.#line.port}/v1`,
      maxRetries: 0,
      timeout: SILENCE_MS,
    })
    const body = { model: MODEL, messages: [{ role: 'user' as const, content: text }] }
    const signal = AbortSignal.timeout(SILENCE_MS)
    const options = { headers: { 'Idempotency-Key': text, 'X-Hermes-Hold': 'true' }, signal }
    if (!streamed) {
      const { id, choices } = await client.chat.completions.create(body, options)
      return { id, text: choices[0]!.message.content ?? '' }
    }
    let id = ''
    let whole = ''
    let finished = false
    for await (const chunk of await client.chat.completions.create({ ...body, stream: true }, options)) {
      id = chunk.id
      whole += chunk.choices[0]?.delta.content ?? ''
      finished ||= chunk.choices[0]?.finish_reason === 'stop'
    }
    // A stream that ends before its end is no answer.
    if (!finished) throw new Error('the stream broke off')
    return { id, text: whole }
  }

  async #delivers(text: string): Promise<string | null> {
    const taken = await persistently(() => this.#deliver(text))
    if (taken === null) return `lost: ${text}`
    const answered = await persistently(async () => {
      const answers = await this.#answersIn(HOOK_CHAT)
      if (!answers.includes(`Echo: ${text}`)) throw new Error('not yet')
      return answers.filter((answer) => answer === `Echo: ${text}`).length
    })
    if (answered === null) return `lost: ${text}`
    return answered === 1 ? null : `answered ${answered} times: ${text}`
  }

  async #deliver(text: string): Promise<true> {
    const at = new Date()
    const response = await fetch(`http://127.0.0.1:${this.#line.port}/hooks/program`, {
      method: 'POST',
      body: text,
      headers: {
        'webhook-id': text.replaceAll(' ', '-'),
        'webhook-timestamp': String(Math.floor(at.getTime() / 1_000)),
        'webhook-signature': new Webhook(HOOK_SECRET, { format: 'raw' }).sign(
          text.replaceAll(' ', '-'),
          at,
          text,
        ),
      },
      signal: AbortSignal.timeout(SILENCE_MS),
    })
    await response.text()
    if (response.status !== 202) throw new Error(`answered ${response.status}`)
    return true
  }

  async #answersIn(conversation: string): Promise<readonly string[]> {
    const path = `/api/conversations/${conversation}/messages?limit=20`
    const { items } = await this.#gateway.json<{ items: Array<{ role: string; text: string }> }>(path)
    return items.filter(({ role }) => role === 'assistant').map(({ text }) => text)
  }

  async #disturb(disturbance: Disturbance, random: Random): Promise<void> {
    await pause(random() * WAY_MS)
    const line = this.#line
    const restore = () => {
      // The silent line has lost bytes: no connection can continue after that.
      line.cut()
      line.line = 'open'
    }
    switch (disturbance) {
      case 'killed':
        return this.#gateway.restart('SIGKILL')
      case 'cut off':
        return restore()
      case 'silent line':
      case 'refused at the door':
        line.line = disturbance === 'silent line' ? 'silent' : 'refused'
        await pause(DEAD_MS)
        return restore()
      case 'killed while it is cut off':
        line.line = 'refused'
        await this.#gateway.kill('SIGKILL')
        restore()
        return this.#gateway.start()
    }
  }
}

/** Tries until it works. null: it never did. */
async function persistently<T>(what: () => Promise<T>): Promise<T | null> {
  const end = performance.now() + TIMEOUT_MS
  while (performance.now() < end) {
    try {
      return await what()
    } catch {
      await pause(RETRY_MS)
    }
  }
  return null
}
