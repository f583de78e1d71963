import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import type { OwnSignIns } from '../../../src/credentials/own/own-sign-ins.ts'
import { OwnStore } from '../../../src/credentials/own/own-store.ts'
import { TokenEndpoint } from '../../../src/oauth/token-endpoint.ts'
import { startSandbox, type Sandbox, type SandboxOptions } from '../../../src/sandbox/sandbox.ts'
import type { IssuedSignIn, RecordedRequest, SignInOptions } from '../../../src/sandbox/types.ts'
import { openSharedPlace } from '../../../src/storage/postgres/credential/shared-place.ts'
import { systemClock } from '../../../src/support/clock.ts'
import { machineId } from '../../../src/support/machine.ts'
import { Secret } from '../../../src/support/secret.ts'
import { TelegramServer } from '../platforms/telegram/telegram-server.ts'
import { tokensOf } from '../provider/tokens-of.ts'
import { STORAGE } from '../stores/storage-choice.ts'
import { pause, type Probe, until } from '../until.ts'
import {
  finish,
  GatewayProcess,
  type Finished,
  type GatewayOptions,
  type StoredRow,
} from './gateway-process.ts'

/** For tests with processes: a start takes half a second on an idle machine, and many seconds on a busy one. */
export const PROCESS_TEST = { timeout: 180_000 } as const

/** The part of the status report that tests read. */
export interface StatusView {
  readonly gateway: { readonly running: boolean; readonly status: string; readonly reason: string | null }
  readonly credential: {
    readonly state: string
    readonly reason: string | null
    readonly source: string | null
    readonly renewable: boolean
  }
  readonly queue: { readonly held: number; readonly received: number; readonly parked: number }
  readonly incident: { readonly status: string; readonly alerted: boolean } | null
  readonly warnings: readonly string[]
}

export interface BotOptions {
  /** The one of this run of the suite unless it says otherwise. */
  readonly storage?: typeof STORAGE
  readonly sandbox?: SandboxOptions
  /** Merged into `config.yaml`, one level deep. */
  readonly config?: Readonly<Record<string, Readonly<Record<string, unknown>> | readonly unknown[]>>
  readonly env?: Readonly<Record<string, string>>
  readonly processEnv?: Readonly<Record<string, string>>
  /** The program of another package than this one. */
  readonly bin?: string
  /** An API key of the provider in `.env`; false: no credential there. */
  readonly apiKey?: boolean
  /** false: the process is not started yet. */
  readonly start?: boolean
  readonly home?: string
}

/**
 * A gateway's process between a simulated Telegram and a simulated provider, both
 * with sockets of their own in the test's process.
 */
export class BotFixture implements AsyncDisposable {
  readonly telegram: TelegramServer
  readonly sandbox: Sandbox
  readonly gateway: GatewayProcess

  readonly #database: ChosenDatabase | null

  private constructor(
    telegram: TelegramServer,
    sandbox: Sandbox,
    gateway: GatewayProcess,
    database: ChosenDatabase | null,
  ) {
    this.telegram = telegram
    this.sandbox = sandbox
    this.gateway = gateway
    this.#database = database
  }

  static async start(options: BotOptions = {}): Promise<BotFixture> {
    const telegram = await TelegramServer.start()
    // The operator has written to the bot before: a bot cannot write first.
    const home = options.env?.['TELEGRAM_HOME_CHANNEL']
    if (home !== undefined) telegram.chats.openChat(Number(home))
    const sandbox = await startSandbox({ marked: false, keepRequests: 10_000, ...options.sandbox })
    sandbox.control.answer({ style: 'echo', ...options.sandbox?.answer })
    const database = (options.storage ?? STORAGE) === 'postgres' ? await chosenDatabase() : null
    const gateway = await GatewayProcess.prepare(gatewayOptions(telegram, sandbox, options, database))
    const fixture = new BotFixture(telegram, sandbox, gateway, database)
    try {
      if (options.start !== false) await gateway.start()
      return fixture
    } catch (error) {
      await fixture[Symbol.asyncDispose]()
      throw error
    }
  }

  /** What the chat shows from the bot, in its order. */
  shown(chat: number): string[] {
    return this.telegram.sentTo(chat).map(({ text }) => text)
  }

  /** Requests to the model about this text that got an answer. */
  asked(text: string): RecordedRequest[] {
    return this.sandbox.requests.filter((request) => request.text === text && request.status === 200)
  }

  /** What `/api/status` says. */
  status(): Promise<StatusView> {
    return this.gateway.json<StatusView>('/api/status')
  }

  /** Resolves when `/readyz` says this state (`ready` is one, too). */
  async untilState(state: string, timeoutMs = 60_000): Promise<void> {
    const deadline = performance.now() + timeoutMs
    let last = await this.gateway.readiness()
    while (last.state !== state) {
      if (performance.now() > deadline) {
        throw new Error(`/readyz says ${JSON.stringify(last)} instead of ${state}:\n${this.gateway.stderr}`)
      }
      await pause(50)
      last = await this.gateway.readiness()
    }
  }

  /** A person has signed in on this machine before the gateway starts. */
  async signedIn(options: SignInOptions = {}, machine = machineId(this.gateway.home)): Promise<IssuedSignIn> {
    const issued = this.sandbox.signIn(options)
    const { authorizeUrl, tokenUrl, redirectUri } = this.sandbox
    const endpoint = new TokenEndpoint({
      authorizeUrl,
      tokenUrls: [tokenUrl],
      redirectUri,
      clientId: 'test',
      scopes: [],
      userAgent: 'hermes-gateway/0.0.0-test',
      headers: {},
    })
    const path = join(this.gateway.home, 'credentials.json')
    await using store = await openSignIns(this.#database, { path, machineId: machine, endpoint })
    await store.signIns.signIn({
      kind: 'oauth',
      requestedScopes: issued.scopes,
      tokens: tokensOf(issued),
    })
    return issued
  }

  /** The operator signs in from a script: reads the address from the command, and writes back what the page shows. */
  async login(): Promise<Finished & { readonly url: string; readonly paste: string }> {
    const child = this.gateway.command(['auth', 'login', '--headless', '--yes'])
    let printed = ''
    child.stdout!.on('data', (chunk: Buffer) => (printed += chunk))
    const ended = finish(child)
    const url = await this.until(() => /^http\S+$/m.exec(printed)?.[0], 'the authorize address')
    const paste = this.sandbox.authorize(url)
    child.stdin!.end(`${paste}\n`)
    return { ...(await ended), url, paste }
  }

  /** What a gateway that was killed has stored. */
  async stored(): Promise<readonly StoredRow[]> {
    if (!this.#database) return this.gateway.stored()
    const { openQuietly } = await databaseTools()
    const database = await openQuietly(this.#database.url)
    try {
      return await database.query<StoredRow>('SELECT text, state, role FROM hermes.messages ORDER BY key')
    } finally {
      await database.close()
    }
  }

  until<T>(probe: Probe<T>, what: string, timeoutMs = 30_000): Promise<NonNullable<T>> {
    return until(probe, what, timeoutMs).catch((error: unknown) => {
      throw new Error(`${String(error)}\nThe gateway said:\n${this.gateway.stderr.slice(-4_000)}`)
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.gateway[Symbol.asyncDispose]()
    await this.telegram[Symbol.asyncDispose]()
    await this.sandbox.close()
  }
}

/** The store of our own sign-ins, as the gateway's commands open it. */
async function openSignIns(
  database: ChosenDatabase | null,
  options: { readonly path: string; readonly machineId: string; readonly endpoint: TokenEndpoint },
): Promise<AsyncDisposable & { readonly signIns: OwnSignIns }> {
  if (!database) return { signIns: new OwnStore(options), async [Symbol.asyncDispose]() {} }
  const { endpoint } = options
  const { silent } = await databaseTools()
  const place = await openSharedPlace(
    {
      url: new Secret(database.url),
      keys: { variable: new Secret(database.secretKey), file: null },
      log: silent,
    },
    { endpoint, clock: systemClock, onWarning: () => {} },
  )
  return { signIns: place.signIns, [Symbol.asyncDispose]: () => place.close() }
}

/** Where a gateway keeps everything when this run of the suite is PostgreSQL's. */
interface ChosenDatabase {
  readonly url: string
  /** For HERMES_SECRET_KEY. */
  readonly secretKey: string
}

async function chosenDatabase(): Promise<ChosenDatabase> {
  const { preparedDatabase } = await databaseTools()
  return { url: await preparedDatabase(), secretKey: randomBytes(32).toString('base64') }
}

/** They belong to the test runner, and `npm run chaos` uses this fixture without it. */
function databaseTools() {
  return import('../stores/postgres-storage.ts')
}

function gatewayOptions(
  telegram: TelegramServer,
  sandbox: Sandbox,
  options: BotOptions,
  database: ChosenDatabase | null,
): GatewayOptions {
  const { config = {}, apiKey = true } = options
  const { authorizeUrl, tokenUrl, redirectUri } = sandbox
  return {
    config: {
      ...(database ? { storage: { url: database.url } } : {}),
      ...config,
      model: { base_url: sandbox.url, ...config['model'] },
      auth: {
        oauth: { authorize_url: authorizeUrl, token_urls: [tokenUrl], redirect_uri: redirectUri },
        ...config['auth'],
      },
      channels: { telegram: { api_root: telegram.apiRoot }, ...config['channels'] },
    },
    env: {
      ...(apiKey ? { ANTHROPIC_API_KEY: sandbox.apiKey() } : {}),
      TELEGRAM_BOT_TOKEN: TelegramServer.token,
      TELEGRAM_ALLOWED_USERS: '*',
      ...(database ? { HERMES_SECRET_KEY: database.secretKey } : {}),
      ...options.env,
    },
    ...(options.processEnv ? { processEnv: options.processEnv } : {}),
    ...(options.bin === undefined ? {} : { bin: options.bin }),
    ...(options.home === undefined ? {} : { home: options.home }),
  }
}
