import { expect, test } from 'vitest'
import '../support/processes/no-gateway-left.ts'
import { filesOf, leaks } from '../support/canary-search.ts'
import { BotFixture, PROCESS_TEST } from '../support/processes/bot-fixture.ts'

const OPERATOR = 901

test(
  'an API key that is rejected is repaired by a key wherever it is said, and in the chat without a trace',
  PROCESS_TEST,
  async () => {
    await using fixture = await BotFixture.start({
      start: false,
      env: { TELEGRAM_HOME_CHANNEL: String(OPERATOR) },
      config: { gateway: { operators: [`telegram:${OPERATOR}`], log_level: 'trace' } },
    })
    const { telegram, sandbox, gateway } = fixture
    const chat = () => fixture.shown(OPERATOR).join('\n')
    const heard = (pattern: RegExp) => fixture.until(() => pattern.exec(chat()), `${String(pattern)}`)
    await gateway.start()
    telegram.say(OPERATOR, 'before')
    await heard(/Echo: before/)

    sandbox.control.revokeApiKeys()
    telegram.say(OPERATOR, 'while it is rejected')
    await fixture.untilState('needs-login')
    await heard(/Down since .*: the API key was rejected/)
    await heard(/new API key: send \/login here.*hermes auth login --api-key/s)
    const said: Record<string, string> = {}
    for (const [name, args, code] of [
      ['status', ['status'], 3],
      ['auth status', ['auth', 'status'], 3],
      ['auth refresh', ['auth', 'refresh'], 3],
      ['doctor', ['doctor'], 3],
      ['incidents', ['incidents'], 0],
    ] as const) {
      const done = await gateway.run(args)
      expect([name, done.code]).toEqual([name, code])
      said[name] = done.stdout + done.stderr
    }
    expect(said['status']).toContain('the API key was rejected')
    expect(said['incidents']).toContain('the API key was rejected')
    for (const name of ['auth status', 'auth refresh', 'doctor'])
      expect(said[name]).toContain('hermes auth login --api-key')
    // Nothing sends anybody with a key into a subscription sign-in.
    for (const text of [...Object.values(said), chat()]) {
      expect(text).not.toContain('--headless')
      expect(text).not.toMatch(/sign-in was revoked/)
    }

    telegram.say(OPERATOR, '/login')
    await heard(/Reply "New API key"/)
    telegram.say(OPERATOR, 'New API key')
    await heard(/Now send me the API key/)
    const rejected = 'sk-ant-api03-TESTrejected0123456789'
    telegram.say(OPERATOR, rejected)
    await heard(/does not accept this key.*still open/s)
    const half = 'TESThalfOfAKey0123'
    telegram.say(OPERATOR, `${half} and a question`)
    await heard(/did not keep it. Now send me the API key/)
    expect(sandbox.counts.tokenRequests).toBe(0)
    const key = sandbox.apiKey()
    const pasted = telegram.say(OPERATOR, `  Key: ${key}\n`)
    await heard(/The provider accepts the API key [0-9a-f]{8}, and it is stored\./)
    await heard(/Echo: while it is rejected/)
    await fixture.untilState('ready')
    await heard(/Back online .*the API key was rejected/)
    await fixture.until(
      () => telegram.callsOf('deleteMessage').some(({ payload }) => payload.message_id === pasted),
      'the removal of the key',
    )
    expect(await fixture.status()).toMatchObject({ credential: { source: 'own', state: 'healthy' } })
    expect(chat()).not.toContain('state=')

    await gateway.kill('SIGKILL')
    const places = [
      ...filesOf(gateway.home),
      { name: 'the log', bytes: gateway.stdout + gateway.stderr },
      { name: 'the chat', bytes: chat() },
      { name: 'the model', bytes: JSON.stringify(sandbox.requests.map(({ messages }) => messages)) },
    ]
    const withoutPrefix = (secret: string) => secret.slice('sk-ant-api03-'.length)
    expect(leaks(places, [withoutPrefix(rejected), half, withoutPrefix(key)])).toEqual([])
  },
)
