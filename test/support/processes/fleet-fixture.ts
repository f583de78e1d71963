import { randomBytes } from 'node:crypto'
import { startSandbox, type Sandbox, type SandboxOptions } from '../../../src/sandbox/sandbox.ts'
import { TelegramServer } from '../platforms/telegram/telegram-server.ts'
import { pause, type Probe, until } from '../until.ts'
import { GatewayProcess } from './gateway-process.ts'

/** A gateway of the fleet as `/api/status` shows it. */
export interface MemberView {
  readonly id: string
  readonly role: string
  readonly pid: number
  readonly version: string
  readonly holds: readonly string[]
}

export interface FleetStatus {
  readonly fleet: readonly MemberView[]
  readonly incident: { readonly id: string; readonly status: string; readonly counts: object } | null
  readonly channels: ReadonlyArray<{ readonly channel: string; readonly state: string }>
}

export interface FleetOptions {
  /** An empty database; null = each has a file of its own in its home. */
  readonly databaseUrl: string | null
  readonly sandbox?: SandboxOptions
  /** Merged into `config.yaml`, one level deep. */
  readonly config?: Readonly<Record<string, Readonly<Record<string, unknown>> | readonly unknown[]>>
  readonly env?: Readonly<Record<string, string>>
  readonly processEnv?: Readonly<Record<string, string>>
  /** false: nobody has signed in. */
  readonly apiKey?: boolean
}

/**
 * Several gateway processes on one database, between one simulated Telegram and one simulated provider.
 * Each has a home of its own, as on machines of their own.
 */
export class FleetFixture implements AsyncDisposable {
  readonly telegram: TelegramServer
  readonly sandbox: Sandbox
  readonly gateways: GatewayProcess[] = []
  readonly #options: FleetOptions
  readonly #apiKey: string

  private constructor(telegram: TelegramServer, sandbox: Sandbox, options: FleetOptions) {
    this.telegram = telegram
    this.sandbox = sandbox
    this.#options = options
    this.#apiKey = sandbox.apiKey()
  }

  static async open(options: FleetOptions): Promise<FleetFixture> {
    const telegram = await TelegramServer.start()
    const sandbox = await startSandbox({ marked: false, keepRequests: 100_000, ...options.sandbox })
    sandbox.control.answer({ style: 'echo', ...options.sandbox?.answer })
    // The operator has written to the bot before: a bot cannot write first.
    const home = options.env?.['TELEGRAM_HOME_CHANNEL']
    if (home !== undefined) telegram.chats.openChat(Number(home))
    return new FleetFixture(telegram, sandbox, options)
  }

  /** Starts one more gateway, and resolves when it can be reached. */
  async join(role: 'all' | 'ingress' | 'worker' = 'all', bin?: string): Promise<GatewayProcess> {
    const gateway = await this.prepare(role, bin)
    await gateway.start()
    return gateway
  }

  /** One more gateway that is not started yet. */
  async prepare(role: 'all' | 'ingress' | 'worker' = 'all', bin?: string): Promise<GatewayProcess> {
    const { authorizeUrl, tokenUrl, redirectUri } = this.sandbox
    const { databaseUrl, config = {}, env = {}, processEnv = {} } = this.#options
    const gateway = await GatewayProcess.prepare({
      ...(bin === undefined ? {} : { bin }),
      args: ['--role', role],
      config: {
        ...config,
        storage: { ...(databaseUrl === null ? {} : { url: databaseUrl }), ...config['storage'] },
        model: { base_url: this.sandbox.url, ...config['model'] },
        auth: {
          oauth: { authorize_url: authorizeUrl, token_urls: [tokenUrl], redirect_uri: redirectUri },
          ...config['auth'],
        },
        channels: { telegram: { api_root: this.telegram.apiRoot }, ...config['channels'] },
      },
      env: {
        ...(this.#options.apiKey === false ? {} : { ANTHROPIC_API_KEY: this.#apiKey }),
        TELEGRAM_BOT_TOKEN: TelegramServer.token,
        TELEGRAM_ALLOWED_USERS: '*',
        HERMES_SECRET_KEY: SECRET_KEY,
        ...env,
      },
      processEnv,
    })
    this.gateways.push(gateway)
    return gateway
  }

  /** What the chat shows from the bot, in its order. */
  shown(chat: number): string[] {
    return this.telegram.sentTo(chat).map(({ text }) => text)
  }

  /** What the first gateway that answers says. */
  async status(): Promise<FleetStatus> {
    for (const gateway of this.gateways) {
      if (!gateway.running) continue
      try {
        // One that is stopped takes the connection and says nothing.
        const response = await gateway.fetch('/api/status', { signal: AbortSignal.timeout(ANSWER_MS) })
        return (await response.json()) as FleetStatus
      } catch {
        // It has just been stopped or killed.
      }
    }
    throw new Error('no gateway answers')
  }

  /** The gateway that receives from Telegram; undefined = nobody does at the moment. */
  async holder(name = 'channel:telegram:'): Promise<GatewayProcess | undefined> {
    const { fleet } = await this.status()
    const member = fleet.find(({ holds }) => holds.some((each) => each.startsWith(name)))
    return member && this.gateways.find((gateway) => gateway.running && gateway.pid === member.pid)
  }

  /** Resolves with the gateway that receives, which is not `except`. */
  untilHeld(except?: GatewayProcess, name?: string): Promise<GatewayProcess> {
    return this.eventually(async () => {
      const holder = await this.holder(name).catch(() => undefined)
      return holder === except ? undefined : holder
    }, 'somebody to receive from Telegram')
  }

  /** As `until`, for what has to be asked for. */
  async eventually<T>(probe: () => Promise<T>, what: string, timeoutMs = 60_000): Promise<NonNullable<T>> {
    const deadline = performance.now() + timeoutMs
    for (;;) {
      const value = await probe()
      if (value) return value
      if (performance.now() > deadline) throw new Error(`${what} did not come true:\n${this.#logs()}`)
      await pause(20)
    }
  }

  until<T>(probe: Probe<T>, what: string, timeoutMs = 60_000): Promise<NonNullable<T>> {
    return until(probe, what, timeoutMs).catch((error: unknown) => {
      throw new Error(`${String(error)}\n${this.#logs()}`)
    })
  }

  #logs(): string {
    return this.gateways.map(({ port, stderr }) => `— ${port} —\n${stderr.slice(-3_000)}`).join('\n')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.gateways.map((gateway) => gateway[Symbol.asyncDispose]()))
    await this.telegram[Symbol.asyncDispose]()
    await this.sandbox.close()
  }
}

const ANSWER_MS = 1_000
/** Of this run alone. */
const SECRET_KEY = randomBytes(32).toString('base64')
