import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  ClaudeCodeStore,
  type ClaudeCodeStoreOptions,
} from '../../../src/credentials/claude-code/claude-code-store.ts'
import type { Generation } from '../../../src/credentials/sign-in.ts'
import { TokenEndpoint, type OAuthSettings } from '../../../src/oauth/token-endpoint.ts'
import type { Sandbox, SandboxOptions } from '../../../src/sandbox/sandbox.ts'
import { emptyHome, settingsFor, startProvider } from './signed-in.ts'

/** `.credentials.json` as a test reads it. */
export interface ClaudeCodeFileView {
  claudeAiOauth: Record<string, unknown>
  [key: string]: unknown
}

/** A folder as Claude Code leaves it after a sign-in, and a gateway that borrows it. */
export interface Borrowed {
  readonly home: string
  readonly configDir: string
  readonly path: string
  readonly sandbox: Sandbox
  readonly store: ClaudeCodeStore
  readonly first: Generation
  readonly warnings: string[]
  open(options?: Partial<ClaudeCodeStoreOptions>): ClaudeCodeStore
  document(): Promise<ClaudeCodeFileView>
  write(document: object): Promise<void>
  present(): Promise<Generation>
}

export interface BorrowedOptions {
  readonly sandbox?: SandboxOptions
  readonly settings?: Partial<OAuthSettings>
  readonly store?: Partial<ClaudeCodeStoreOptions>
}

export async function borrowed(options: BorrowedOptions = {}): Promise<Borrowed> {
  const sandbox = await startProvider(options.sandbox)
  const home = await emptyHome()
  // Its second lock is next to the folder, so the folder must not be the home itself.
  const configDir = join(await emptyHome(), '.claude')
  await mkdir(configDir, { mode: 0o700 })
  const path = join(configDir, '.credentials.json')
  const write = (document: object) => writeFile(path, JSON.stringify(document), { mode: 0o600 })
  const scopes = ['user:inference', 'user:profile', 'user:sessions:claude_code']
  const issued = sandbox.signIn({ scopes })
  const { accessToken, refreshToken, expiresAt, refreshTokenExpiresAt, accountId } = issued
  await write({
    claudeAiOauth: {
      accessToken,
      refreshToken,
      expiresAt,
      scopes,
      subscriptionType: 'max',
      rateLimitTier: 'default_claude_max_5x',
      refreshTokenExpiresAt,
      accountUuid: accountId,
    },
    mcpOAuth: { 'server|1': { accessToken: 'mcp-TEST', expiresAt: 0 } },
  })
  const warnings: string[] = []
  const open: Borrowed['open'] = (more = {}) =>
    new ClaudeCodeStore({
      configDir,
      home,
      endpoint: new TokenEndpoint({ ...settingsFor(sandbox), ...options.settings }),
      onWarning: (message) => warnings.push(message),
      ...options.store,
      ...more,
    })
  const store = open()
  const present = async (): Promise<Generation> => {
    const stored = await store.read()
    if (stored.kind !== 'present') throw new Error(`the store is ${stored.kind}`)
    return stored.generation
  }
  return {
    home,
    configDir,
    path,
    sandbox,
    store,
    first: await present(),
    warnings,
    open,
    document: async () => JSON.parse(await readFile(path, 'utf8')) as ClaudeCodeFileView,
    write,
    present,
  }
}
