import { createHash } from 'node:crypto'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { createServer } from 'node:http'
import { createServer as createTcpServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, it } from 'vitest'
import { TelegramClient } from '../../src/channels/telegram/api/client.ts'
import { openSqliteStorage } from '../../src/storage/sqlite/storage.ts'
import { Secret } from '../../src/support/secret.ts'
import { TelegramServer } from '../support/platforms/telegram/telegram-server.ts'
import { BotFixture, PROCESS_TEST, type BotOptions } from '../support/processes/bot-fixture.ts'
import { hermes, temporaryHome } from '../support/processes/hermes-command.ts'
import { afterThisTest } from '../support/provider/signed-in.ts'
import { pause } from '../support/until.ts'

interface Item {
  readonly id: string
  readonly level: string
  readonly message: string
  readonly mend: string | null
}

const CANARY = 'TEST-canary-0123456789abcdefghij'
const HEALTHY: BotOptions = {
  start: false,
  apiKey: false,
  env: { TELEGRAM_ALLOWED_USERS: '5' },
  config: { gateway: { operators: ['telegram:5'] } },
}
/** Without a bot nobody has to listen whether somebody else uses it. */
const WITHOUT_BOT: BotOptions = { ...HEALTHY, env: { TELEGRAM_BOT_TOKEN: '' } }

/** What the command says of a fixture, as JSON; it must change nothing and tell no secret. */
async function examine(
  fixture: BotFixture,
): Promise<{ code: number | null; items: readonly Item[]; text: string }> {
  const before = snapshot(fixture.gateway.home)
  const json = await fixture.gateway.run(['doctor', '--json'])
  expect(snapshot(fixture.gateway.home)).toEqual(before)
  const { items } = JSON.parse(json.stdout) as { items: readonly Item[] }
  const text = json.stdout + json.stderr
  expect(text).not.toContain(CANARY)
  expect(text).not.toContain(TelegramServer.token.split(':')[1])
  expect(text).not.toMatch(/sk-ant-\w{5}-/)
  return { code: json.code, items, text }
}

/** Every file of the home with its mode and content. */
function snapshot(home: string): Record<string, string> {
  const files = readdirSync(home, { recursive: true, withFileTypes: true }).map((entry) => {
    const path = join(entry.parentPath, entry.name)
    const content = entry.isFile() ? createHash('sha256').update(readFileSync(path)).digest('hex') : ''
    return [path, `${statSync(path).mode.toString(8)} ${content}`] as const
  })
  return { ...Object.fromEntries(files), home: statSync(home).mode.toString(8) }
}

/** A server on loopback until the end of the test. @returns its address */
async function listen(server: { listen: Function; close: Function; address(): unknown }): Promise<number> {
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  afterThisTest(() => server.close())
  return (server.address() as AddressInfo).port
}

/** A port of this machine on which nothing listens. */
const CLOSED = 'http://127.0.0.1:59'

const home = (fixture: BotFixture, ...names: readonly string[]) => join(fixture.gateway.home, ...names)

interface Fault {
  readonly name: string
  readonly options?: BotOptions
  plant?(fixture: BotFixture): unknown
  /** What is planted is found under this name … */
  readonly id: string
  readonly level: 'warning' | 'error'
  readonly message: RegExp
  /** … with this command. */
  readonly mend: RegExp
  readonly code: number
}

const FAULTS: readonly Fault[] = [
  {
    name: 'a mistyped key in config.yaml',
    plant: (fixture) => writeFileSync(home(fixture, 'config.yaml'), 'gateway:\n  prot: 1\n'),
    id: 'config',
    level: 'error',
    message: /:2: unknown key "gateway.prot"; the nearest valid key is "gateway.port"/,
    mend: /\+2 \S+config\.yaml$/,
    code: 78,
  },
  {
    name: 'an API key that is a pasted code',
    options: { env: { ...WITHOUT_BOT.env, ANTHROPIC_API_KEY: `${CANARY}#${CANARY}` } },
    id: 'environment',
    level: 'error',
    message: /ANTHROPIC_API_KEY looks like the code#state/,
    mend: /\.env$/,
    code: 78,
  },
  {
    name: 'a home that others may read',
    plant: (fixture) => chmodSync(fixture.gateway.home, 0o755),
    id: 'home.mode',
    level: 'warning',
    message: /accessible to other users \(mode 0755\)/,
    mend: /^chmod 700 /,
    code: 0,
  },
  {
    name: 'a credentials file that others may read',
    plant: (fixture) => chmodSync(home(fixture, 'credentials.json'), 0o644),
    id: 'credentials.mode',
    level: 'warning',
    message: /readable by others \(mode 0644\)/,
    mend: /^chmod 600 \S+credentials\.json$/,
    code: 0,
  },
  {
    name: 'a gateway.token that is a folder',
    plant: (fixture) => mkdirSync(home(fixture, 'gateway.token')),
    id: 'gateway-token.file',
    level: 'error',
    message: /gateway\.token is a directory, not a file/,
    mend: /^mv /,
    code: 78,
  },
  {
    name: 'a sign-in copied from another machine',
    plant: (fixture) =>
      edit(home(fixture, 'credentials.json'), (document) => ({ ...document, machine: 'another' })),
    id: 'credential',
    level: 'error',
    message: /other-machine/,
    mend: /^hermes auth status --adopt$/,
    code: 3,
  },
  {
    name: 'a torn credentials file',
    plant: (fixture) => writeFileSync(home(fixture, 'credentials.json'), '{"version": 1, "signIns": [{'),
    id: 'credential',
    level: 'error',
    message: /not valid JSON/,
    mend: /^hermes auth/,
    code: 3,
  },
  {
    name: 'a sign-in that ends in two days',
    plant: (fixture) =>
      edit(home(fixture, 'credentials.json'), (document) => ({
        ...document,
        signIns: (document['signIns'] as object[]).map((signIn) => ({
          ...signIn,
          loginExpiresAt: Date.now() + 2 * 86_400_000,
        })),
      })),
    id: 'sign-in.end',
    level: 'warning',
    message: /expires in (1 d 23 h|2 d 0 h)/,
    mend: /^hermes auth login --headless$/,
    code: 0,
  },
  {
    name: 'a clock that is an hour off',
    async plant(fixture) {
      const server = createServer((_request, response) => {
        response.setHeader('date', new Date(Date.now() + 3_600_000).toUTCString()).end()
      })
      reconfigure(fixture, { model: { base_url: `http://127.0.0.1:${await listen(server)}` } })
    },
    id: 'clock',
    level: 'error',
    message: /The clock of this machine is 3\d\d\d s behind the provider's/,
    mend: /^sudo (timedatectl|sntp)/,
    code: 1,
  },
  {
    name: 'a provider that cannot be reached',
    plant: (fixture) => reconfigure(fixture, { model: { base_url: CLOSED } }),
    id: 'reach.model',
    level: 'error',
    message: /cannot be reached: http:\/\/127\.0\.0\.1:59 \(ECONNREFUSED\)/,
    mend: /^curl -sSI /,
    code: 1,
  },
  {
    name: 'a token endpoint that cannot be reached',
    plant: (fixture) => reconfigure(fixture, { auth: { oauth: { token_urls: [`${CLOSED}/token`] } } }),
    id: 'reach.token',
    level: 'error',
    message: /The token endpoint cannot be reached/,
    mend: /^curl -sSI /,
    code: 1,
  },
  {
    name: 'a bot token that Telegram does not know',
    options: { env: { ...HEALTHY.env, TELEGRAM_BOT_TOKEN: `4242:${CANARY}` } },
    id: 'telegram.token',
    level: 'error',
    message: /401 Unauthorized/,
    mend: /^hermes init$/,
    code: 1,
  },
  {
    name: 'a webhook that is set for the bot',
    options: HEALTHY,
    plant: (fixture) => void (fixture.telegram.webhookUrl = `https://other.example.org/${CANARY}`),
    id: 'telegram.webhook',
    level: 'error',
    message: /A webhook is set for @hermes_test_bot \(other\.example\.org\)/,
    mend: /\/bot\$TELEGRAM_BOT_TOKEN\/deleteWebhook/,
    code: 1,
  },
  {
    name: 'another program that receives with the same bot token',
    options: HEALTHY,
    plant(fixture) {
      const stop = new AbortController()
      void receiveElsewhere(fixture, stop.signal)
      afterThisTest(() => stop.abort())
    },
    id: 'telegram.taken',
    level: 'error',
    message: /Another program is polling as @hermes_test_bot/,
    mend: /^hermes init$/,
    code: 1,
  },
  {
    name: 'an alert route at which nobody answers',
    options: { config: { alerts: [{ type: 'ntfy', url: `${CLOSED}/t`, token: CANARY }] } },
    id: 'alerts',
    level: 'error',
    message: /ntfy:127\.0\.0\.1:59 does not work: cannot be reached/,
    mend: /config\.yaml$/,
    code: 1,
  },
  {
    name: 'no alert route at all',
    options: { config: {} },
    id: 'alerts',
    level: 'warning',
    message: /you won't hear about outages/,
    mend: /^hermes init$/,
    code: 0,
  },
  {
    name: 'a damaged database',
    async plant(fixture) {
      await makeDatabase(fixture)
      const file = openSync(home(fixture, 'hermes.db'), 'r+')
      // Behind the first page, in the middle of the schema's own tables.
      writeSync(file, Buffer.alloc(16_384, 0xff), 0, 16_384, 4_096)
    },
    id: 'database.integrity',
    level: 'error',
    message: /is damaged/,
    mend: /^sqlite3 \S+ \.recover/,
    code: 1,
  },
  {
    name: 'a database of a newer program',
    async plant(fixture) {
      await makeDatabase(fixture)
      using database = new DatabaseSync(home(fixture, 'hermes.db'))
      database.exec('PRAGMA user_version = 9999')
    },
    id: 'database.version',
    level: 'error',
    message: /written by a newer hermes \(database version 9999/,
    mend: /^npm install -g hermes-gateway@latest$/,
    code: 78,
  },
  {
    name: 'a port that another program has taken',
    async plant(fixture) {
      reconfigure(fixture, { gateway: { port: await listen(createTcpServer()) } })
    },
    id: 'port',
    level: 'error',
    message: /is in use by another program/,
    mend: /config\.yaml$/,
    code: 1,
  },
  {
    name: 'an address that others reach, without a token that was there before',
    plant: (fixture) => reconfigure(fixture, { gateway: { host: '0.0.0.0' } }),
    id: 'gateway.host',
    level: 'error',
    message: /which other machines can reach/,
    mend: /config\.yaml$/,
    code: 78,
  },
  {
    name: 'a service that starts a program that is gone',
    plant(fixture) {
      const folder = home(fixture, '.config', 'systemd', 'user')
      mkdirSync(folder, { recursive: true })
      const unit = `# Written by "hermes service install"; "hermes service uninstall" removes it.\n[Service]\nExecStart=/gone/node /gone/hermes.js gateway\n`
      const name = `hermes-gateway-${createHash('sha256').update(fixture.gateway.home).digest('hex').slice(0, 8)}`
      writeFileSync(join(folder, `${name}.service`), unit)
    },
    id: 'service',
    level: 'error',
    message: /starts \/gone\/node, which does not exist/,
    mend: /^hermes service install$/,
    code: 1,
  },
]

it.each(FAULTS)('finds $name, and names the command that fixes it', PROCESS_TEST, async (fault) => {
  await using fixture = await BotFixture.start({ ...WITHOUT_BOT, ...fault.options })
  await fixture.signedIn()
  await fault.plant?.(fixture)
  const { code, items, text } = await examine(fixture)
  const found = items.find(({ id, level }) => id === fault.id && level === fault.level)
  expect(found?.message ?? text).toMatch(fault.message)
  expect(found!.mend).toMatch(fault.mend)
  expect(code).toBe(fault.code)
})

it('finds nothing where nothing is wrong, also while a gateway runs', PROCESS_TEST, async () => {
  await using fixture = await BotFixture.start(HEALTHY)
  await fixture.signedIn()
  fixture.telegram.say(5, 'Kept for the gateway')
  const { code, items } = await examine(fixture)
  expect(items.filter(({ level }) => level !== 'ok')).toEqual([])
  expect(code).toBe(0)
  // Nothing was taken from the bot.
  expect(fixture.telegram.unconfirmed).toBe(1)

  await fixture.gateway.start()
  await fixture.untilState('ready')
  const polls = () =>
    fixture.telegram.callsOf('getUpdates').filter(({ payload }) => payload['limit'] === 1).length
  const before = polls()
  const { code: running, stdout } = await fixture.gateway.run(['doctor'])
  expect(stdout).toContain('The gateway is running')
  expect(stdout).toContain('All checks passed.')
  expect(running).toBe(0)
  // The gateway receives: nobody else asks for updates.
  expect(polls()).toBe(before)
})

it('a home that is not there yet is found, and not made', () => {
  using place = temporaryHome()
  const missing = join(place.home, 'none')
  const { code, stdout } = hermes(['doctor', '--home', missing])
  expect(stdout).toContain(`${missing} does not exist yet.\n    hermes init`)
  expect(code).toBe(1)
  expect(existsSync(missing)).toBe(false)
})

function edit(path: string, change: (document: Record<string, unknown>) => object): void {
  writeFileSync(path, JSON.stringify(change(JSON.parse(readFileSync(path, 'utf8')))))
}

/** Changes some sections of `config.yaml`, which is written as JSON here. */
function reconfigure(fixture: BotFixture, change: Record<string, object>): void {
  edit(home(fixture, 'config.yaml'), (config) => ({
    ...config,
    ...Object.fromEntries(
      Object.entries(change).map(([key, value]) => [key, { ...(config[key] as object), ...value }]),
    ),
  }))
}

async function makeDatabase(fixture: BotFixture): Promise<void> {
  const storage = await openSqliteStorage({ path: home(fixture, 'hermes.db'), pullChannels: [] })
  await storage.close()
}

/** Polls as other programs do: at once again, whatever the answer. */
async function receiveElsewhere(fixture: BotFixture, signal: AbortSignal): Promise<void> {
  const { apiRoot } = fixture.telegram
  const client = new TelegramClient({ token: new Secret(TelegramServer.token), apiRoot })
  while (!signal.aborted) {
    await client.getUpdates({ offset: null, waitSeconds: 20, allowed: null }, signal).catch(() => {})
    // A program that is refused at once asks again a little later.
    await pause(100)
  }
}
