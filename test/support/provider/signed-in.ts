import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach } from 'vitest'
import { formatOwnFile } from '../../../src/credentials/own/own-document.ts'
import type { OwnSignIns } from '../../../src/credentials/own/own-sign-ins.ts'
import { OwnStore, type OwnStoreOptions } from '../../../src/credentials/own/own-store.ts'
import type { Intent } from '../../../src/credentials/rotation/intent.ts'
import type { Generation } from '../../../src/credentials/sign-in.ts'
import {
  TokenEndpoint,
  type OAuthSettings,
  type TokenEndpointOptions,
} from '../../../src/oauth/token-endpoint.ts'
import { startSandbox, type Sandbox, type SandboxOptions } from '../../../src/sandbox/sandbox.ts'
import {
  SharedSignIns,
  type SharedSignInsOptions,
} from '../../../src/storage/postgres/credential/shared-sign-ins.ts'
import { SignInRow } from '../../../src/storage/postgres/credential/sign-in-row.ts'
import { SignInProcess } from '../processes/processes.ts'
import type { ProcessOptions } from '../processes/sign-in-process.ts'
import { databaseOfSignIns, keysIn } from '../stores/shared-place.ts'
import { tokensOf } from './tokens-of.ts'

export const MACHINE = 'machine-one-TEST'

/** `credentials.json` as a test reads it. */
export interface OwnFileView {
  version: number
  machine: string
  active: string | null
  signIns: Array<Record<string, unknown>>
  [unknown: string]: unknown
}

/** Where own sign-ins can live; suites about their rules run on each. */
export const SIGN_IN_PLACES = ['file', 'database'] as const
export type SignInPlace = (typeof SIGN_IN_PLACES)[number]

/** What both kinds of store are opened with. */
type OpenOptions = Partial<
  Pick<OwnStoreOptions, 'clock' | 'backoff' | 'endpoint' | 'lockWaitMs' | 'onWarning' | 'machineId'> &
    Pick<SharedSignInsOptions, 'leaseMs'>
>

/** A home of its own with its own sign-in at a simulated provider of its own; all of it ends with the test. */
export interface SignedIn {
  readonly home: string
  readonly path: string
  readonly sandbox: Sandbox
  readonly settings: OAuthSettings
  readonly store: OwnSignIns
  readonly place: SignInPlace
  /** The generation that was signed in with. */
  readonly first: Generation
  readonly warnings: string[]
  /** Another store on the same file or database, as another process would open it. */
  open(options?: OpenOptions, endpoint?: TokenEndpointOptions): OwnSignIns
  /** A process of its own on the same file or database. */
  startProcess(options?: Partial<ProcessOptions>): Promise<SignInProcess>
  /** What is stored, as text. */
  text(): Promise<string>
  /** The intent that is written down; null = none. */
  intent(): Promise<Intent | null>
  /** What is stored, as JSON. */
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

export interface SignedInOptions {
  readonly sandbox?: SandboxOptions
  readonly store?: OpenOptions
  /** A file of the home unless it says otherwise. */
  readonly place?: SignInPlace
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
  const { place = 'file' } = options
  const backing = place === 'file' ? fileBacking(path) : await databaseBacking()
  const open: SignedIn['open'] = (more = {}, endpoint = {}) =>
    backing.open({
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
  const document = async (): Promise<OwnFileView> => JSON.parse(await backing.text()) as OwnFileView
  return {
    home,
    path,
    sandbox,
    settings,
    store,
    place,
    first: given.generation,
    warnings,
    open,
    startProcess: (more = {}) => backing.startProcess({ tokenUrl: sandbox.tokenUrl, ...more }),
    text: backing.text,
    intent: backing.intent,
    document,
    async edit(change) {
      const current = await document()
      change(current)
      await backing.write(current)
    },
    async present() {
      const stored = await store.read()
      if (stored.kind !== 'present') throw new Error(`the store is ${stored.kind}`)
      return stored.generation
    },
  }
}

/** What lies below a store. */
interface Backing {
  open(options: OpenOptions & { endpoint: TokenEndpoint }): OwnSignIns
  startProcess(options: Pick<ProcessOptions, 'tokenUrl'>): Promise<SignInProcess>
  text(): Promise<string>
  write(document: OwnFileView): Promise<void>
  intent(): Promise<Intent | null>
}

function fileBacking(path: string): Backing {
  return {
    open: (options) => new OwnStore({ path, machineId: MACHINE, ...options }),
    startProcess: (options) =>
      SignInProcess.start({ store: 'own', home: dirname(path), machineId: MACHINE, ...options }),
    text: () => readFile(path, 'utf8'),
    write: (document) => writeFile(path, JSON.stringify(document)),
    async intent() {
      const text = await readFile(path.replace('.json', '.intent.json'), 'utf8').catch(() => null)
      return text === null ? null : (JSON.parse(text) as { intent: Intent }).intent
    },
  }
}

async function databaseBacking(): Promise<Backing> {
  const { database, secretKey, url } = await databaseOfSignIns()
  const keys = keysIn(secretKey)
  const row = new SignInRow(database, keys)
  return {
    open(options) {
      const store = new SharedSignIns({ database, keys, holder: 'TEST', ...options })
      afterThisTest(() => store.close())
      return store
    },
    startProcess: (options) =>
      SignInProcess.start(
        { store: 'database', home: '', machineId: '', databaseUrl: url, ...options },
        null,
        { HERMES_SECRET_KEY: secretKey },
      ),
    text: async () => (await row.read()).text(),
    async write(document) {
      if (!(await row.replace(await row.read(), formatOwnFile(document))))
        throw new Error('changed in between')
    },
    intent: async () => (await row.read()).intent,
  }
}

/** For renewals that nobody aborts. */
export const NEVER = new AbortController().signal
