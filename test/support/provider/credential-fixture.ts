import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createModelClient } from '../../../src/anthropic/client.ts'
import { credentialProbe } from '../../../src/anthropic/credential-probe.ts'
import type { Variables } from '../../../src/config/environment/dotenv.ts'
import { loadSettings } from '../../../src/config/settings.ts'
import type { Model } from '../../../src/conversation/model.ts'
import { assembleCredentials, type CredentialParts } from '../../../src/credentials/assemble.ts'
import type { Keeper } from '../../../src/credentials/keeper/keeper.ts'
import type { KeeperNotice, KeeperWarning } from '../../../src/credentials/keeper/status.ts'
import type { OwnPlace } from '../../../src/credentials/own/own-sign-ins.ts'
import type { IssuedSignIn, Sandbox, SandboxOptions } from '../../../src/sandbox/sandbox.ts'
import { signInPlace } from '../../../src/storage/sign-in-place.ts'
import { systemClock, type Clock } from '../../../src/support/clock.ts'
import type { FakeClock } from '../fake-clock.ts'
import { databaseOfSignIns, type TestDatabase } from '../stores/shared-place.ts'
import { pause } from '../until.ts'
import { afterThisTest, emptyHome, startProvider, type SignInPlace } from './signed-in.ts'
import { tokensOf } from './tokens-of.ts'

export interface CredentialFixtureOptions {
  readonly sandbox?: SandboxOptions
  /** A provider that runs already, for several gateways at one. */
  readonly provider?: Sandbox
  /** Shared by the gateway and the provider; real time otherwise. */
  readonly clock?: FakeClock
  readonly variables?: Variables
  /** Lines of `config.yaml` below `auth:`. */
  readonly auth?: readonly string[]
  /** Where our own sign-in is stored; by default in a file of the home. */
  readonly place?: SignInPlace
  /** Another one uses the database already: it stays as it is. */
  readonly keepDatabase?: boolean
  /** false: there is no own sign-in at the start. */
  readonly signedIn?: boolean
}

/**
 * The credential's side of a gateway over real files and a simulated provider: the
 * keeper as the gateway assembles it, and the model client that asks it.
 */
export class CredentialFixture {
  readonly home: string
  readonly sandbox: Sandbox
  readonly notices: KeeperNotice[] = []
  parts!: CredentialParts
  model!: Model
  readonly #options: CredentialFixtureOptions
  readonly #clock: Clock
  #shared: TestDatabase | null = null
  #working = 0

  private constructor(home: string, sandbox: Sandbox, options: CredentialFixtureOptions) {
    this.home = home
    this.sandbox = sandbox
    this.#options = options
    this.#clock = options.clock ?? systemClock
  }

  static async start(options: CredentialFixtureOptions = {}): Promise<CredentialFixture> {
    const { clock } = options
    const sandbox =
      options.provider ?? (await startProvider({ ...(clock ? { clock } : {}), ...options.sandbox }))
    const gateway = new CredentialFixture(await emptyHome(), sandbox, options)
    if (options.place === 'database') {
      gateway.#shared = await databaseOfSignIns({ emptied: !options.keepDatabase })
    }
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
      await gateway.parts.close()
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
    await this.parts.close()
    await this.#assemble()
    await this.parts.start()
  }

  /** One turn, as a conversation would ask for it. */
  async ask(text = 'hello'): Promise<string> {
    const answer = await this.model.answer(
      {
        model: 'claude-sonnet-5-5',
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
    const processEnv = {
      HOME: this.home,
      ...(this.#shared ? { HERMES_SECRET_KEY: this.#shared.secretKey } : {}),
      ...this.#options.variables,
    }
    const settings = await loadSettings({ home: this.home, processEnv })
    const openPlace = signInPlace(settings)
    const request = {
      baseUrl: this.sandbox.url,
      userAgent: 'hermes-gateway/0.0.0-test',
      headers: {},
      clock: this.#clock,
    }
    const ask = credentialProbe(request)
    this.parts = await assembleCredentials({
      settings,
      processEnv,
      openPlace: openPlace && (async (parts) => this.#counted(await openPlace(parts))),
      probe: (credential) => this.#work(() => ask(credential)),
      profile: null,
      clock: this.#clock,
    })
    const { own, keeper, resolver } = this.parts
    const resolve = resolver.resolve.bind(resolver)
    resolver.resolve = (options) => this.#work(() => resolve(options))
    const refresh = own.refresh.bind(own)
    own.refresh = (spent, signal) => this.#work(() => refresh(spent, signal))
    keeper.subscribe((notice) => this.notices.push(notice))
    this.model = createModelClient({
      ...request,
      door: keeper,
      health: { succeeded() {}, usageLimited() {}, unavailable() {}, misconfigured() {} },
      model: 'claude-sonnet-5-5',
      log: { warn() {} },
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

  /** What the database is asked takes real time, too. */
  #counted(place: OwnPlace): OwnPlace {
    const { signIns, memory } = place
    const current = signIns.current.bind(signIns)
    const read = signIns.read.bind(signIns)
    signIns.current = () => this.#work(current)
    signIns.read = () => this.#work(read)
    return {
      ...place,
      memory: {
        isShared: true,
        load: () => this.#work(() => memory.load()),
        save: (record, base) => this.#work(() => memory.save(record, base)),
      },
    }
  }

  /** Real requests and files need real time, in which the fake clock stands still. */
  async #idle(): Promise<void> {
    while (this.#working > 0) {
      await pause(1)
      // What follows a finished request runs before the clock advances.
      if (this.#working === 0) await pause(5)
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
      ...(this.#shared ? [`storage: { url: '${this.#shared.url}' }`] : []),
      '',
    ].join('\n')
  }
}
