/**
 * A process of its own that holds one sign-in store and does what it is told on
 * stdin, one JSON object a line; each answer is one line on stdout. It runs the
 * sources directly (types are stripped by Node), so that a test can stop or kill a
 * real process at a chosen moment.
 */
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { createInterface } from 'node:readline'
import type { Generation, StoredSignIn } from '../../../src/credentials/sign-in.ts'

/** What the process is started with, as JSON in argv: no secret among it. */
export interface ProcessOptions {
  readonly store: 'own' | 'claude-code' | 'database'
  /** Of `database`, without a password; its key comes by HERMES_SECRET_KEY. */
  readonly databaseUrl?: string
  readonly leaseMs?: number
  /** false: as a keeper asks while the access token lives. */
  readonly mayRepeat?: boolean
  /** Says so when another process has changed the sign-in. */
  readonly tells?: boolean
  readonly home: string
  readonly configDir?: string
  readonly machineId: string
  readonly tokenUrl: string
  readonly lockWaitMs?: number
  readonly backoffMs?: number
  /**
   * Hang forever, saying so on stdout, when a file is about to get its name (`rename`) or has just been
   * filled (`sync`).
   */
  readonly hangAt?: 'before-rename' | 'after-rename'
  /** Which target's rename hangs: the end of its path. */
  readonly hangOn?: string
}

export interface ProcessCommand {
  /** `repeat`: as a keeper asks when the access token is over. */
  readonly do: 'open' | 'read' | 'refresh' | 'repeat' | 'save' | 'logout' | 'adopt' | 'stop'
}

const options = JSON.parse(process.argv[2]!) as ProcessOptions
const say = (answer: unknown) => process.stdout.write(`${JSON.stringify(answer)}\n`)
if (options.hangAt) hangOnRename(options.hangAt, options.hangOn ?? 'credentials.json')

// Only now: the modules below bind the functions of `fs` when they are loaded.
const { OwnStore } = await import('../../../src/credentials/own/own-store.ts')
const { ClaudeCodeStore } = await import('../../../src/credentials/claude-code/claude-code-store.ts')
const { TokenEndpoint } = await import('../../../src/oauth/token-endpoint.ts')

const endpoint = new TokenEndpoint({
  authorizeUrl: 'http://127.0.0.1/authorize',
  tokenUrls: [options.tokenUrl],
  clientId: '9d1c250a-e61b-44d9-88ed-5944d1962f5e',
  redirectUri: 'http://127.0.0.1/callback',
  scopes: ['user:inference'],
  userAgent: 'hermes-gateway/0.0.0-test',
  headers: {},
})
const common = {
  endpoint,
  ...(options.lockWaitMs === undefined ? {} : { lockWaitMs: options.lockWaitMs }),
  ...(options.backoffMs === undefined
    ? {}
    : { backoff: { initialMs: options.backoffMs, maxMs: options.backoffMs * 10 } }),
  onWarning: (message: string) => say({ warning: message }),
}
const own = new OwnStore({
  path: `${options.home}/credentials.json`,
  machineId: options.machineId,
  ...common,
})
const store =
  options.store === 'own'
    ? own
    : options.store === 'database'
      ? await inDatabase()
      : new ClaudeCodeStore({ configDir: options.configDir!, home: options.home, ...common })

async function inDatabase() {
  const { SharedSignIns } = await import('../../../src/storage/postgres/credential/shared-sign-ins.ts')
  const { readSecretKeys } = await import('../../../src/storage/postgres/credential/secret-keys.ts')
  const { openDatabase } = await import('../../../src/storage/postgres/connection/database.ts')
  const { systemClock } = await import('../../../src/support/clock.ts')
  const { createLog } = await import('../../../src/support/log.ts')
  const { Secret } = await import('../../../src/support/secret.ts')
  const database = await openDatabase({
    url: new Secret(options.databaseUrl!),
    clock: systemClock,
    log: await createLog({ level: 'silent' }),
    connections: 3,
    onProblem: () => {},
  })
  const keys = readSecretKeys({ variable: new Secret(process.env['HERMES_SECRET_KEY']!), file: null })
  const { leaseMs } = options
  return new SharedSignIns({
    database,
    keys,
    holder: `process ${process.pid}`,
    ...(leaseMs === undefined ? {} : { leaseMs }),
    ...common,
  })
}

/** What this process believes to be the current pair, as a gateway keeps it in memory. */
let current: Generation | null = remember(await store.read())
say({ ready: true, ...describe(current) })
if (options.tells)
  store.watch(
    () =>
      void store
        .read()
        .then((now) =>
          say({ heard: performance.timeOrigin + performance.now(), ...describe(remember(now)) }),
        ),
  )

for await (const line of createInterface({ input: process.stdin })) {
  say(await obey(JSON.parse(line) as ProcessCommand))
}

async function obey(command: ProcessCommand): Promise<unknown> {
  switch (command.do) {
    case 'open':
      await store.open()
      return { kind: 'opened' }
    case 'read': {
      const stored = await store.read()
      current = remember(stored)
      return stored.kind === 'unusable' ? stored : { kind: stored.kind, ...describe(current) }
    }
    case 'refresh':
    case 'repeat': {
      if (!current) return { kind: 'nothing' }
      const outcome = await store.refresh(current, new AbortController().signal, {
        mayRepeat: command.do === 'repeat' || (options.mayRepeat ?? true),
      })
      if ('generation' in outcome) current = outcome.generation
      const { generation: _, ...rest } = outcome as typeof outcome & { generation?: Generation }
      return { ...rest, ...describe(current) }
    }
    case 'save':
      return { kind: 'saved', saved: await store.saveUnsaved() }
    case 'logout':
      return { kind: 'logged-out', was: await own.logout() }
    case 'adopt':
      return { kind: 'adopted-home', was: await own.adopt() }
    case 'stop':
      process.exit(0)
  }
}

function remember(stored: StoredSignIn): Generation | null {
  return stored.kind === 'present' ? stored.generation : null
}

function describe(generation: Generation | null): object {
  return {
    access: generation?.accessToken.fingerprint ?? null,
    refresh: generation?.refreshToken?.fingerprint ?? null,
  }
}

/** The moment between a whole temporary file and its name is microseconds; this makes it last. */
function hangOnRename(when: 'before-rename' | 'after-rename', target: string): void {
  const { rename } = fs.promises
  fs.promises.rename = async (from, to) => {
    if (!String(to).endsWith(target)) return rename(from, to)
    if (when === 'after-rename') await rename(from, to)
    say({ hanging: when })
    await new Promise((resolve) => setTimeout(resolve, 2 ** 30))
  }
  syncBuiltinESMExports()
}
