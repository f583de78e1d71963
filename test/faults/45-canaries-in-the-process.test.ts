import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import '../support/processes/no-gateway-left.ts'
import { TelegramServer } from '../support/platforms/telegram/telegram-server.ts'
import { BotFixture, PROCESS_TEST } from '../support/processes/bot-fixture.ts'
import { PostReceiver } from '../support/provider/alert-receivers.ts'

const ADA = 501
const WEBHOOK_SECRET = 'canary-TEST-webhook-secret-4711'
const WEBHOOK_PATH = '/hooks/canary-TEST-webhook-path-4712'
const NTFY_TOKEN = 'tk_canary_TEST_ntfy_token_4713'
const SMTP_PASSWORD = 'canary-TEST-smtp-password-4714'
const EMAIL_PASSWORD = 'canary-TEST-email-password-4715'
const PASTED_TOKEN = 'sk-ant-oat01-TEST-canary-pasted-4716-abcdefghijklmnopqrstuvwxyz'
const PASTED_CODE = 'canaryTESTcode4717abcdefghijklmnop#canaryTESTstate4718abcdefghijklmn'

/** Where secrets belong. */
const SECRET_FILES = new Set([
  '.env',
  'config.yaml',
  'credentials.json',
  'gateway.token',
  'gateway-tokens.json',
])

function filesOf(folder: string): Array<{ name: string; bytes: string }> {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !SECRET_FILES.has(entry.name))
    .map((entry) => {
      const path = join(entry.parentPath, entry.name)
      return { name: `the file ${path.slice(folder.length + 1)}`, bytes: readFileSync(path, 'latin1') }
    })
}

test('no secret comes out anywhere, whatever breaks and however much is logged', PROCESS_TEST, async () => {
  await using receiver = await PostReceiver.start()
  await using fixture = await BotFixture.start({
    apiKey: false,
    start: false,
    config: {
      gateway: { log_level: 'trace', hold: { merge: false } },
      alerts: [
        { type: 'email', to: 'a@example.org', smtp: `smtps://user:${SMTP_PASSWORD}@127.0.0.1:1` },
        { type: 'webhook', url: `${receiver.url}${WEBHOOK_PATH}`, secret: WEBHOOK_SECRET },
        { type: 'ntfy', url: `${receiver.url}/topic`, token: NTFY_TOKEN },
      ],
    },
    env: { EMAIL_PASSWORD },
  })
  const { gateway, sandbox, telegram } = fixture
  const places: Array<{ name: string; bytes: string }> = []
  const run = async (...args: string[]) => {
    const { stdout, stderr } = await gateway.run(args)
    places.push({ name: `hermes ${args.join(' ')}`, bytes: stdout + stderr })
  }
  const first = await fixture.signedIn({ tokenLifetimeSeconds: 28_800 })
  await gateway.start()

  // Refreshes that break in several ways, and rejections, before they work again.
  telegram.say(ADA, 'one')
  await fixture.until(() => fixture.shown(ADA).length === 1, 'the first answer')
  for (const fault of ['error-200', 'invalid-scope'] as const) {
    sandbox.control.fault({ target: 'token-endpoint', fault, times: 1 })
  }
  for (const fault of ['revoked-403', 'bad-request', 'overloaded-529', 'reset-mid-stream'] as const) {
    sandbox.control.fault({ target: 'messages', fault, times: 1, afterDeltas: 1 })
  }
  sandbox.control.expire()
  for (const text of ['two', 'three', 'four', PASTED_TOKEN, PASTED_CODE, 'five']) telegram.say(ADA, text)
  expect((await gateway.say('web', PASTED_TOKEN)).status).not.toBe(401)
  await fixture.until(
    () => fixture.shown(ADA).some((text) => text.includes('five')),
    'the last answer',
    90_000,
  )

  // The sign-in dies, and a person signs in again.
  sandbox.control.revoke()
  telegram.say(ADA, 'six')
  await fixture.untilState('needs-login')
  await run('status')
  await run('status', '--json')
  await run('auth', 'status', '--json')
  await run('auth', 'sources', '--json')
  await run('auth', 'refresh')
  await run('queue', 'list', '--json')
  await run('alerts', 'test')
  const cmdline = readFileSync(`/proc/${gateway.pid}/cmdline`, 'utf8')
  places.push({ name: 'the process list', bytes: cmdline })
  const login = await fixture.login()
  expect(login.code).toBe(0)
  const [code, state] = login.paste.split('#') as [string, string]
  places.push({ name: 'the login command', bytes: (login.stdout + login.stderr).replace(login.url, '') })
  await fixture.until(
    () => fixture.shown(ADA).some((text) => text.includes('six')),
    'the late answer',
    60_000,
  )
  await fixture.until(
    () => receiver.posts.some(({ body }) => body.includes('incident.closed')),
    'the closing message',
  )

  for (const path of [
    '/api/status',
    '/api/queue',
    '/api/incidents',
    '/metrics',
    '/api/conversations/web/messages',
    '/readyz',
  ]) {
    places.push({ name: path, bytes: await (await gateway.fetch(path)).text() })
  }
  await run('incidents', '--json')
  await run('backup', join(gateway.home, 'copy.db'))
  await run('data', 'export', 'telegram', String(ADA))
  // The database is searched as a killed process leaves it, log and all.
  places.push(...filesOf(gateway.home))
  const token = gateway.token
  expect(await gateway.kill('SIGTERM')).toMatchObject({ code: 0 })
  places.push(...filesOf(gateway.home))
  places.push({ name: 'what is printed', bytes: gateway.stdout }, { name: 'the log', bytes: gateway.stderr })
  places.push({ name: 'the alerts', bytes: receiver.posts.map(({ body }) => body).join('\n') })
  places.push({ name: 'the chat', bytes: fixture.shown(ADA).join('\n') })
  const asked = sandbox.requests.map(({ messages, system }) => JSON.stringify({ messages, system }))
  places.push({ name: 'what the model is shown', bytes: asked.join('\n') })

  const stored = readFileSync(join(gateway.home, 'credentials.json'), 'utf8')
  const tokens = [...stored.matchAll(/sk-ant-[\w-]{20,}/g)].map(([found]) => found)
  expect(tokens.length).toBeGreaterThanOrEqual(2)
  const secrets = [
    first.accessToken,
    first.refreshToken,
    ...tokens,
    token,
    TelegramServer.token,
    WEBHOOK_SECRET,
    WEBHOOK_PATH,
    NTFY_TOKEN,
    SMTP_PASSWORD,
    EMAIL_PASSWORD,
    PASTED_TOKEN,
    ...PASTED_CODE.split('#'),
    code,
    state,
  ]
  const found = places.flatMap(({ name, bytes }) =>
    secrets.filter((secret) => bytes.includes(secret)).map((secret) => `${secret} in ${name}`),
  )
  expect(found).toEqual([])
  // The search can find: what is no secret is there.
  expect(places.find(({ name }) => name === 'the log')!.bytes).toContain('needs-login')
  expect(places.filter(({ bytes }) => bytes.includes('six')).length).toBeGreaterThanOrEqual(3)
})
