import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach } from 'vitest'
import { OwnStore, type OwnStoreOptions } from '../../src/credentials/own-store.ts'
import type { Generation } from '../../src/credentials/sign-in.ts'
import type { OAuthSettings } from '../../src/oauth/settings.ts'
import {
  TokenEndpoint,
  type IssuedTokens,
  type TokenEndpointOptions,
} from '../../src/oauth/token-endpoint.ts'
import {
  startSandbox,
  type IssuedSignIn,
  type Sandbox,
  type SandboxOptions,
} from '../../src/sandbox/sandbox.ts'
import { Secret } from '../../src/support/secret.ts'

export const MACHINE = 'machine-one-TEST'

/** `credentials.json` as a test looks at it. */
export interface OwnFileView {
  version: number
  machine: string
  active: string | null
  signIns: Array<Record<string, unknown>>
  [unknown: string]: unknown
}

/** A home of its own with an own sign-in at a simulated provider of its own; all of it ends with the test. */
export interface SignedIn {
  readonly home: string
  readonly path: string
  readonly sandbox: Sandbox
  readonly settings: OAuthSettings
  readonly store: OwnStore
  /** The generation that was signed in with. */
  readonly first: Generation
  readonly warnings: string[]
  /** Another store on the same file, as another process would open it. */
  open(options?: Partial<OwnStoreOptions>, endpoint?: TokenEndpointOptions): OwnStore
  /** The file as JSON. */
  document(): Promise<OwnFileView>
  edit(change: (document: OwnFileView) => void): Promise<void>
  present(): Promise<Generation>
}

const cleanups: Array<() => unknown> = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
})

/** Runs `cleanup` after the running test, the latest first. */
export function afterThisTest(cleanup: () => unknown): void {
  cleanups.push(cleanup)
}

export async function startProvider(options: SandboxOptions = {}): Promise<Sandbox> {
  const sandbox = await startSandbox({ marked: false, tokenLifetimeSeconds: 28_800, ...options })
  afterThisTest(() => sandbox.close())
  return sandbox
}

export async function emptyHome(): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), 'hermes-test-'))
  afterThisTest(() => rm(home, { recursive: true, force: true }))
  return home
}

export function settingsFor(
  sandbox: Pick<Sandbox, 'authorizeUrl' | 'tokenUrl' | 'redirectUri'>,
): OAuthSettings {
  return {
    authorizeUrl: sandbox.authorizeUrl,
    tokenUrls: [sandbox.tokenUrl],
    clientId: '9d1c250a-e61b-44d9-88ed-5944d1962f5e',
    redirectUri: sandbox.redirectUri,
    scopes: ['user:profile', 'user:inference'],
    userAgent: 'hermes-gateway/0.0.0-test',
    headers: {},
  }
}

export function tokensOf(issued: IssuedSignIn): IssuedTokens {
  return {
    accessToken: new Secret(issued.accessToken),
    refreshToken: new Secret(issued.refreshToken),
    expiresInMs: issued.expiresAt - issued.issuedAt,
    expiryAssumed: false,
    loginExpiresInMs: issued.refreshTokenExpiresAt - issued.issuedAt,
    scopes: issued.scopes,
    accountId: issued.accountId,
    accountEmail: issued.email,
    organizationId: issued.organizationId,
  }
}

export interface SignedInOptions {
  readonly sandbox?: SandboxOptions
  readonly store?: Partial<OwnStoreOptions>
  readonly endpoint?: TokenEndpointOptions
  readonly settings?: Partial<OAuthSettings>
  /** Where the home is; a fresh folder otherwise. */
  readonly home?: string
}

export async function signedIn(options: SignedInOptions = {}): Promise<SignedIn> {
  const sandbox = await startProvider(options.sandbox)
  const home = options.home ?? (await emptyHome())
  const path = join(home, 'credentials.json')
  const settings = { ...settingsFor(sandbox), ...options.settings }
  const warnings: string[] = []
  const open: SignedIn['open'] = (more = {}, endpoint = {}) =>
    new OwnStore({
      path,
      machineId: MACHINE,
      endpoint: new TokenEndpoint(settings, { ...options.endpoint, ...endpoint }),
      onWarning: (message) => warnings.push(message),
      ...options.store,
      ...more,
    })
  const store = open()
  const given = await store.signIn({
    kind: 'oauth',
    tokens: tokensOf(sandbox.signIn()),
    requestedScopes: settings.scopes,
  })
  if (given.kind !== 'oauth') throw new Error('no OAuth sign-in')
  const document = async (): Promise<OwnFileView> => JSON.parse(await readFile(path, 'utf8'))
  return {
    home,
    path,
    sandbox,
    settings,
    store,
    first: given.generation,
    warnings,
    open,
    document,
    async edit(change) {
      const current = await document()
      change(current)
      await writeFile(path, JSON.stringify(current))
    },
    async present() {
      const stored = await store.read()
      if (stored.kind !== 'present') throw new Error(`the store is ${stored.kind}`)
      return stored.generation
    },
  }
}

/** For renewals that nobody aborts. */
export const NEVER = new AbortController().signal
