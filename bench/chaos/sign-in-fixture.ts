import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { OwnStore } from '../../src/credentials/own/own-store.ts'
import { TokenEndpoint } from '../../src/oauth/token-endpoint.ts'
import { startSandbox, type Sandbox } from '../../src/sandbox/sandbox.ts'
import { Secret } from '../../src/support/secret.ts'
import { SignInProcess } from '../../test/support/processes/processes.ts'
import type { ProcessOptions } from '../../test/support/processes/sign-in-process.ts'

const MACHINE = 'chaos-machine'

/**
 * A home, a folder of Claude Code, and a provider with single-use tokens that revokes the family of a
 * repeated one.
 */
export class SignInFixture implements AsyncDisposable {
  readonly sandbox: Sandbox
  readonly home: string
  readonly configDir: string

  private constructor(sandbox: Sandbox, home: string, configDir: string) {
    this.sandbox = sandbox
    this.home = home
    this.configDir = configDir
  }

  static async create(): Promise<SignInFixture> {
    const sandbox = await startSandbox({ marked: false, tokenLifetimeSeconds: 28_800 })
    const home = await mkdtemp(join(tmpdir(), 'hermes-chaos-'))
    const configDir = join(home, 'person', '.claude')
    await mkdir(configDir, { recursive: true })
    return new SignInFixture(sandbox, home, configDir)
  }

  /** A person signs in: into our own file and into Claude Code's, each a sign-in of its own. */
  async signIn(store: Pick<OwnStore, 'signIn'> = this.#store()): Promise<void> {
    const issued = this.sandbox.signIn()
    await store.signIn({
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
    const { accessToken, refreshToken, expiresAt } = this.sandbox.signIn()
    const scopes = ['user:inference', 'user:profile']
    const document = { claudeAiOauth: { accessToken, refreshToken, expiresAt, scopes } }
    await writeFile(join(this.configDir, '.credentials.json'), JSON.stringify(document), { mode: 0o600 })
  }

  process(options: Partial<ProcessOptions> = {}): Promise<SignInProcess> {
    return SignInProcess.start({
      store: 'own',
      home: this.home,
      configDir: this.configDir,
      machineId: MACHINE,
      tokenUrl: this.sandbox.tokenUrl,
      ...options,
    })
  }

  /** Another gateway's home on the same machine. */
  async anotherHome(name = 'another'): Promise<string> {
    const home = join(this.home, name)
    await mkdir(home)
    return home
  }

  #store(): OwnStore {
    const { authorizeUrl, tokenUrl, redirectUri } = this.sandbox
    const settings = {
      authorizeUrl,
      tokenUrls: [tokenUrl],
      redirectUri,
      clientId: 'chaos',
      scopes: [],
      userAgent: 'hermes-gateway/chaos',
      headers: {},
    }
    const path = join(this.home, 'credentials.json')
    return new OwnStore({ path, machineId: MACHINE, endpoint: new TokenEndpoint(settings) })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.sandbox.close()
    await rm(this.home, { recursive: true, force: true })
  }
}
