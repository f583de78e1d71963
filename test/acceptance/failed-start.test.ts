import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import '../support/processes/no-gateway-left.ts'
import { gatewayCommand } from '../../src/cli/gateway.ts'
import { loadSettings, type Settings } from '../../src/config/settings.ts'
import { assembleCredentials } from '../../src/credentials/assemble.ts'
import type { Probe } from '../../src/credentials/credential.ts'
import type { RunStep } from '../../src/gateway/lifecycle.ts'
import { startGateway, type Gateway } from '../../src/main.ts'
import { signInPlace } from '../../src/storage/sign-in-place.ts'
import { acquireFileLock } from '../../src/support/files/file-lock.ts'
import { createLog } from '../../src/support/log.ts'
import { OpenHandles, openFilesBelow } from '../support/open-handles.ts'
import { BotFixture, PROCESS_TEST } from '../support/processes/bot-fixture.ts'
import { openQuietly } from '../support/stores/postgres-storage.ts'
import { admin } from '../support/stores/postgres.ts'
import { STORAGE } from '../support/stores/storage-choice.ts'
import { until } from '../support/until.ts'

/** A start that fails leaves nothing behind, whichever of its steps it is that fails. */

const ADA = 501
/** Far longer than a stop waits for an answer. */
const LONG_ANSWER_MS = 120_000
/** What is closed is gone when the event loop has come round to it. */
const GONE_WITHIN_MS = 1_000

/** Nothing rejects the credential here. */
const UNASKED: Probe = async () => ({ kind: 'unknown' })

class Broken extends Error {}

/** A gateway in this process, with a platform and its own sign-in, whose start is seen step by step. */
class StartFixture implements AsyncDisposable {
  readonly bot: BotFixture
  readonly #settings: Settings
  readonly #processEnv: Readonly<Record<string, string | undefined>>
  /** What was logged as a warning or worse. */
  logged = ''
  readonly #credentials = new AsyncDisposableStack()

  private constructor(
    bot: BotFixture,
    settings: Settings,
    processEnv: Readonly<Record<string, string | undefined>>,
  ) {
    this.bot = bot
    this.#settings = settings
    this.#processEnv = processEnv
  }

  static async prepare(): Promise<StartFixture> {
    const bot = await BotFixture.start({ start: false, apiKey: false })
    await bot.signedIn({ tokenLifetimeSeconds: 3_600 })
    const { home } = bot.gateway
    const processEnv = { HOME: home, PATH: process.env['PATH'] }
    return new StartFixture(bot, await loadSettings({ home, processEnv }), processEnv)
  }

  /** As the command does it. */
  async start(runStep?: RunStep): Promise<Gateway> {
    const settings = this.#settings
    const processEnv = this.#processEnv
    const destination = { write: (line: string) => void (this.logged += line) }
    const log = await createLog({ level: 'warn', destination })
    const openPlace = signInPlace(settings, log)
    const parts = { settings, processEnv, probe: UNASKED, profile: null, openPlace, log }
    const credentials = this.#credentials.adopt(await assembleCredentials(parts), (opened) => opened.close())
    const options = { settings, role: 'all', log, credentials, processEnv, sandbox: null } as const
    return await startGateway({ ...options, ...(runStep ? { runStep } : {}) })
  }

  /** Fails at this step, before it or when it is done. @returns with what the start failed */
  async failAt(step: string, moment: string): Promise<unknown> {
    return await this.start(async (name, start) => {
      if (name === step && moment === 'before') throw new Broken(name)
      const started = await start()
      if (name === step) throw new Broken(name)
      return started
    }).catch((error: unknown) => error)
  }

  /** The gateways that the database knows of and what they hold; none where there is no fleet. */
  async fleetRows(): Promise<readonly unknown[]> {
    const url = this.#databaseUrl
    if (url === null) return []
    const database = await openQuietly(url)
    try {
      return await database.query(
        `SELECT id FROM hermes.processes
           UNION ALL SELECT name FROM hermes.leases WHERE expires_at > clock_timestamp()`,
      )
    } finally {
      await database.close()
    }
  }

  /** What a gateway that is gone has left on its port, in its store and in its log. */
  async traces(): Promise<readonly unknown[]> {
    const { home } = this.bot.gateway
    const hasStore = STORAGE === 'postgres' || existsSync(join(home, 'hermes.db'))
    const stored = hasStore ? await this.bot.stored() : []
    return [
      ...this.logged.split('\n').filter((line) => line.includes('"level":"error"')),
      ...[await this.bot.gateway.readiness()].filter(({ status }) => status !== 0),
      ...(await this.fleetRows()),
      ...stored.filter(({ state }) => state === 'answering'),
    ]
  }

  /** Ends everything round the gateway. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#credentials.disposeAsync()
    await this.bot[Symbol.asyncDispose]()
    // Each has a database of its own: at the end of the file they would be too many at once.
    const url = this.#databaseUrl
    if (url !== null) await admin(`DROP DATABASE ${new URL(url).pathname.slice(1)} WITH (FORCE)`)
  }

  get #databaseUrl(): string | null {
    const { storage } = this.#settings.config
    return storage.kind === 'postgres' ? storage.url.reveal() : null
  }
}

/** Runs `use` on a fixture of its own. @returns what is left after it that was not there before */
async function leftAfter(use: (fixture: StartFixture) => Promise<void>): Promise<readonly unknown[]> {
  using handles = new OpenHandles()
  const fixture = await StartFixture.prepare()
  const { home } = fixture.bot.gateway
  let traces: readonly unknown[]
  try {
    await use(fixture)
    traces = await fixture.traces()
  } finally {
    await fixture[Symbol.asyncDispose]()
  }
  const left = () => [...traces, ...handles.left, ...openFilesBelow(home)]
  await until(() => left().length === 0, 'the end of everything', GONE_WITHIN_MS).catch(() => undefined)
  return left()
}

/** The names of the steps, in their order. */
async function stepsOfAStart(): Promise<readonly string[]> {
  await using fixture = await StartFixture.prepare()
  const names: string[] = []
  const gateway = await fixture.start((name, start) => {
    names.push(name)
    return start()
  })
  await gateway.stop()
  return names
}

const STEPS = await stepsOfAStart()

test('every part is a step', () => {
  expect(STEPS).toEqual(expect.arrayContaining(['store', 'credential keeper', 'answers', 'port']))
  expect(new Set(STEPS).size).toBe(STEPS.length)
})

test.for(STEPS.flatMap((step) => ['before', 'after'].map((moment) => [moment, step] as const)))(
  'a start that fails %s "%s" leaves nothing',
  async ([moment, step]) => {
    const left = await leftAfter(async (fixture) => {
      expect(await fixture.failAt(step, moment)).toEqual(new Broken(step))
    })
    expect(left).toEqual([])
  },
)

test('a stop leaves nothing', async () => {
  const left = await leftAfter(async (fixture) => {
    const gateway = await fixture.start()
    fixture.bot.telegram.say(ADA, 'hello')
    await fixture.bot.until(() => fixture.bot.shown(ADA).length === 1, 'the answer')
    await gateway.stop()
  })
  expect(left).toEqual([])
})

test('neither do a stop and a failed start in the middle of an outage', async () => {
  const left = await leftAfter(async (fixture) => {
    const { bot } = fixture
    const gateway = await fixture.start()
    bot.sandbox.control.fault({ target: 'messages', fault: 'usage-limit' })
    bot.telegram.say(ADA, 'hello')
    await bot.untilState('usage-limited')
    await gateway.stop()
    expect(await fixture.failAt('provider gate', 'after')).toEqual(new Broken('provider gate'))
    expect(await fixture.failAt('platforms', 'after')).toEqual(new Broken('platforms'))
  })
  expect(left).toEqual([])
})

test('a running answer is handed back, and an open refresh is finished and kept', PROCESS_TEST, async () => {
  const left = await leftAfter(async (fixture) => {
    const { bot } = fixture
    const { sandbox, telegram } = bot
    sandbox.control.answer({ delayMs: LONG_ANSWER_MS })
    const failure = await fixture
      .start(async (name, start) => {
        const started = await start()
        if (name !== 'platforms') return started
        telegram.say(ADA, 'long one')
        await bot.until(() => sandbox.requests.length === 1, 'the question')
        const slow = sandbox.control.fault({ target: 'token-endpoint', fault: 'slow', delayMs: 2_000 })
        sandbox.control.expire()
        telegram.say(ADA + 1, 'needs a new token')
        await bot.until(() => slow.struck === 1, 'the refresh')
        throw new Broken(name)
      })
      .catch((error: unknown) => error)
    expect(failure).toEqual(new Broken('platforms'))
    expect(sandbox.counts).toMatchObject({ tokenRequests: 1, tokensIssued: 1, replays: 0 })
    sandbox.control.answer({ delayMs: 0 })
    const gateway = await fixture.start()
    await bot.until(() => bot.shown(ADA).length + bot.shown(ADA + 1).length === 2, 'both answers')
    await gateway.stop()
    expect(sandbox.counts).toMatchObject({ tokenRequests: 1, replays: 0, invalidGrants: 0 })
  })
  expect(left).toEqual([])
})

test('the command gives back its lock, its listeners and all that it has opened', async () => {
  const listeners = process.listenerCount('SIGTERM')
  const left = await leftAfter(async ({ bot }) => {
    const { home } = bot.gateway
    await writeFile(join(home, 'gateway-tokens.json'), 'broken')
    const command = gatewayCommand({ home, sandbox: false, port: undefined, role: 'all' })
    await expect(command).rejects.toThrow('gateway-tokens.json is damaged')
    using lock = await acquireFileLock(join(home, 'gateway.lock'))
    expect(lock).not.toBeNull()
    expect(process.listenerCount('SIGTERM')).toBe(listeners)
  })
  expect(left).toEqual([])
})

test('a gateway whose port is taken ends with 1, and has left the fleet', PROCESS_TEST, async () => {
  await using fixture = await StartFixture.prepare()
  const { gateway } = fixture.bot
  await using other = createServer()
  await new Promise<void>((resolve) => other.listen(gateway.port, '127.0.0.1', resolve))
  gateway.spawn()
  expect(await gateway.ended).toEqual({ code: 1, signal: null })
  expect(gateway.stderr).not.toContain('did not stop cleanly')
  expect(await fixture.fleetRows()).toEqual([])
})
