import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createModelClient } from '../../src/anthropic/client.ts'
import { credentialProbe } from '../../src/anthropic/credential-probe.ts'
import { loadSettings } from '../../src/config/settings.ts'
import { DEFAULT_TEXTS } from '../../src/config/texts.ts'
import type { Variables } from '../../src/config/dotenv.ts'
import type { Model } from '../../src/conversation/model.ts'
import { assembleCredentials, type CredentialParts } from '../../src/credentials/assemble.ts'
import type { Keeper } from '../../src/credentials/keeper.ts'
import type { KeeperNotice, KeeperWarning } from '../../src/credentials/notices.ts'
import type { IssuedSignIn, Sandbox, SandboxOptions } from '../../src/sandbox/sandbox.ts'
import { systemClock, type Clock } from '../../src/support/clock.ts'
import type { FakeClock } from './fake-clock.ts'
import { afterThisTest, emptyHome, startProvider, tokensOf } from './signed-in.ts'

export interface KeptOptions {
  readonly sandbox?: SandboxOptions
  /** A provider that runs already, for several gateways at one. */
  readonly provider?: Sandbox
  /** Shared by the gateway and the provider; real time otherwise. */
  readonly clock?: FakeClock
  readonly variables?: Variables
  /** Lines of `config.yaml` below `auth:`. */
  readonly auth?: readonly string[]
  /** false: there is no own sign-in at the start. */
  readonly signedIn?: boolean
}

/**
 * The credential's side of a gateway over real files and a simulated provider: the
 * keeper as the gateway assembles it, and the model client that asks it.
 */
export class KeptGateway {
  readonly home: string
  readonly sandbox: Sandbox
  readonly notices: KeeperNotice[] = []
  parts!: CredentialParts
  model!: Model
  readonly #options: KeptOptions
  readonly #clock: Clock
  #working = 0

  private constructor(home: string, sandbox: Sandbox, options: KeptOptions) {
    this.home = home
    this.sandbox = sandbox
    this.#options = options
    this.#clock = options.clock ?? systemClock
  }

  static async start(options: KeptOptions = {}): Promise<KeptGateway> {
    const { clock } = options
    const sandbox =
      options.provider ?? (await startProvider({ ...(clock ? { clock } : {}), ...options.sandbox }))
    const gateway = new KeptGateway(await emptyHome(), sandbox, options)
    await writeFile(join(gateway.home, 'config.yaml'), gateway.#config(), { mode: 0o600 })
    await gateway.#assemble()
    if (options.signedIn !== false) await gateway.signIn()
    if (clock) clock.idle = () => gateway.#idle()
    await gateway.parts.start()
    // The newest keeper: a test may restart it.
    afterThisTest(async () => {
      const stopping = gateway.keeper.stop()
      await clock?.advance(60_000)
      await stopping
    })
    return gateway
  }

  get keeper(): Keeper {
    return this.parts.keeper
  }

  /** A person signs in, by a command or the page: the file changes, nobody calls the keeper. */
  async signIn(): Promise<IssuedSignIn> {
    const issued = this.sandbox.signIn()
    await this.parts.own.signIn({ kind: 'oauth', tokens: tokensOf(issued), requestedScopes: issued.scopes })
    return issued
  }

  /** The next process of this gateway. */
  async restart(): Promise<void> {
    await this.keeper.stop()
    await this.#assemble()
    await this.parts.start()
  }

  /** One turn, as a conversation would ask for it. */
  async ask(text = 'hello'): Promise<string> {
    const answer = await this.model.answer(
      {
        model: 'claude-test',
        maxTokens: 100,
        system: null,
        messages: [{ role: 'user', text, attachments: [] }],
      },
      { signal: new AbortController().signal, onText: () => {} },
    )
    return answer.text
  }

  get tokenRequests(): number {
    return this.sandbox.counts.tokenRequests
  }

  /** The moments of the token requests. */
  get tokenTimes(): number[] {
    return this.sandbox.events.filter(({ kind }) => kind === 'token-request').map(({ at }) => at)
  }

  /** The states that were told, in order, with their reasons. */
  get states(): string[] {
    return this.notices.flatMap((notice) =>
      notice.type === 'transition'
        ? [notice.to.reason === null ? notice.to.state : `${notice.to.state}:${notice.to.reason}`]
        : [],
    )
  }

  get warnings(): KeeperWarning[] {
    return this.notices.flatMap((notice) => (notice.type === 'warning' ? [notice.warning] : []))
  }

  async #assemble(): Promise<void> {
    const settings = await loadSettings({
      home: this.home,
      processEnv: { HOME: this.home, ...this.#options.variables },
    })
    const request = {
      baseUrl: this.sandbox.url,
      userAgent: 'hermes-gateway/0.0.0-test',
      headers: {},
      clock: this.#clock,
    }
    const ask = credentialProbe(request)
    this.parts = await assembleCredentials({
      settings,
      processEnv: { HOME: this.home, ...this.#options.variables },
      probe: (credential) => this.#work(() => ask(credential)),
      profile: null,
      clock: this.#clock,
    })
    const { own, keeper } = this.parts
    const renew = own.renew.bind(own)
    own.renew = (spent, signal) => this.#work(() => renew(spent, signal))
    keeper.subscribe((notice) => this.notices.push(notice))
    this.model = createModelClient({
      ...request,
      door: keeper,
      health: { succeeded() {}, usageLimited() {}, unavailable() {}, misconfigured() {} },
      texts: DEFAULT_TEXTS,
      model: 'claude-sonnet-5-5',
      contextTokens: 200_000,
    })
  }

  async #work<T>(work: () => Promise<T>): Promise<T> {
    this.#working++
    try {
      return await work()
    } finally {
      this.#working--
    }
  }

  /** Real requests and files need real time, in which the fake clock stands still. */
  async #idle(): Promise<void> {
    while (this.#working > 0) {
      await new Promise((resolve) => setTimeout(resolve, 1))
      // What follows a finished request runs before the clock goes on.
      if (this.#working === 0) await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }

  #config(): string {
    return [
      'model:',
      `  base_url: ${this.sandbox.url}`,
      'auth:',
      '  oauth:',
      `    authorize_url: ${this.sandbox.authorizeUrl}`,
      `    token_urls: [${this.sandbox.tokenUrl}]`,
      ...(this.#options.auth ?? []).map((line) => `  ${line}`),
      '',
    ].join('\n')
  }
}
