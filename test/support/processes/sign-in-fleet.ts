import { randomBytes } from 'node:crypto'
import { TokenEndpoint } from '../../../src/oauth/token-endpoint.ts'
import { startSandbox, type Sandbox, type SandboxOptions } from '../../../src/sandbox/sandbox.ts'
import { openDatabase, type Database } from '../../../src/storage/postgres/connection/database.ts'
import { readSecretKeys } from '../../../src/storage/postgres/credential/secret-keys.ts'
import { SharedSignIns } from '../../../src/storage/postgres/credential/shared-sign-ins.ts'
import { migrate } from '../../../src/storage/postgres/migrations/migrate.ts'
import { systemClock } from '../../../src/support/clock.ts'
import { createLog } from '../../../src/support/log.ts'
import { Secret } from '../../../src/support/secret.ts'
import { SignInProcess } from './processes.ts'
import type { ProcessOptions } from './sign-in-process.ts'

/** One database, a provider with single-use tokens, and any number of processes that share one sign-in. */
export class SignInFleet implements AsyncDisposable {
  readonly sandbox: Sandbox
  readonly database: Database
  /** The sign-in as a process of its own sees it. */
  readonly store: SharedSignIns
  readonly #url: string
  readonly #secretKey: string
  readonly #processes = new Set<SignInProcess>()

  private constructor(sandbox: Sandbox, database: Database, url: string, secretKey: string) {
    this.sandbox = sandbox
    this.database = database
    this.#url = url
    this.#secretKey = secretKey
    const { authorizeUrl, tokenUrl, redirectUri } = sandbox
    this.store = new SharedSignIns({
      database,
      keys: readSecretKeys({ variable: new Secret(secretKey), file: null }),
      holder: 'the test',
      endpoint: new TokenEndpoint({
        authorizeUrl,
        tokenUrls: [tokenUrl],
        redirectUri,
        clientId: 'fleet',
        scopes: [],
        userAgent: 'hermes-gateway/test',
        headers: {},
      }),
    })
  }

  /** @param url an empty database */
  static async on(url: string, options: SandboxOptions = {}): Promise<SignInFleet> {
    const sandbox = await startSandbox({ marked: false, tokenLifetimeSeconds: 28_800, ...options })
    await migrate({ url: new Secret(url) })
    const database = await openDatabase({
      url: new Secret(url),
      clock: systemClock,
      log: await createLog({ level: 'silent' }),
      onProblem: () => {},
    })
    const fleet = new SignInFleet(sandbox, database, url, randomBytes(32).toString('base64'))
    await fleet.signIn()
    return fleet
  }

  async signIn(): Promise<void> {
    const issued = this.sandbox.signIn()
    await this.store.signIn({
      kind: 'oauth',
      requestedScopes: issued.scopes,
      tokens: {
        accessToken: new Secret(issued.accessToken),
        refreshToken: new Secret(issued.refreshToken),
        expiresInMs: issued.expiresAt - issued.issuedAt,
        expiryAssumed: false,
        loginExpiresInMs: null,
        scopes: issued.scopes,
        accountId: issued.accountId,
        accountEmail: issued.email,
        organizationId: issued.organizationId,
      },
    })
  }

  async process(options: Partial<ProcessOptions> = {}): Promise<SignInProcess> {
    const started = await SignInProcess.start(
      {
        store: 'database',
        home: '',
        machineId: '',
        databaseUrl: this.#url,
        tokenUrl: this.sandbox.tokenUrl,
        ...options,
      },
      null,
      { HERMES_SECRET_KEY: this.#secretKey },
    )
    this.#processes.add(started)
    return started
  }

  /** The fingerprint of the access token that is stored. */
  async stored(): Promise<string | null> {
    const stored = await this.store.read()
    return stored.kind === 'present' ? stored.generation.accessToken.fingerprint : null
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#processes].map((each) => each.kill()))
    await this.store.close()
    await this.database.close()
    await this.sandbox.close()
  }
}
