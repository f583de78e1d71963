import { expect, test } from 'vitest'
import '../support/processes/no-gateway-left.ts'
import { TelegramServer } from '../support/platforms/telegram/telegram-server.ts'
import { BotFixture, PROCESS_TEST } from '../support/processes/bot-fixture.ts'
import { pause } from '../support/until.ts'

const ADA = 501
const OPERATOR = 900
const SENTENCE =
  'OAuth token detected without refresh credentials — token will expire and cannot be auto-renewed.'

test(
  'with a token that nothing renews the program starts, works, warns in the log, and alerts once a token',
  PROCESS_TEST,
  async () => {
    await using fixture = await BotFixture.start({
      apiKey: false,
      start: false,
      env: { TELEGRAM_HOME_CHANNEL: String(OPERATOR) },
    })
    const { gateway, telegram, sandbox } = fixture

    const env = (token: string) => ({
      TELEGRAM_BOT_TOKEN: TelegramServer.token,
      TELEGRAM_ALLOWED_USERS: '*',
      TELEGRAM_HOME_CHANNEL: String(OPERATOR),
      CLAUDE_CODE_OAUTH_TOKEN: token,
    })
    gateway.setEnv(env(sandbox.setupToken()))
    await gateway.start()
    telegram.say(ADA, 'hello')
    await fixture.until(() => fixture.shown(ADA).length === 1, 'the answer')
    expect(fixture.shown(ADA)).toEqual(['Echo: hello'])
    expect((await fixture.status()).credential).toMatchObject({
      state: 'at-risk',
      reason: 'unrenewable',
      renewable: false,
    })
    await fixture.until(() => fixture.shown(OPERATOR).length === 1, 'the alert')
    expect(fixture.shown(OPERATOR)[0]).toContain(SENTENCE)
    expect(fixture.shown(OPERATOR)[0]).toContain('hermes auth login --headless')
    expect(gateway.stderr).toContain(SENTENCE)
    expect((await gateway.readiness()).state).toBe('ready')

    const before = gateway.stderr.length
    await gateway.restart('SIGTERM')
    await fixture.until(
      () => gateway.stderr.slice(before).includes(SENTENCE),
      'the warning of the second start',
    )
    // An alert would come at once with the warning.
    await pause(1_000)
    expect(fixture.shown(OPERATOR)).toHaveLength(1)

    gateway.setEnv(env(sandbox.setupToken()))
    await gateway.restart('SIGTERM')
    await fixture.until(() => fixture.shown(OPERATOR).length === 2, 'the alert about the next token')
  },
)

test(
  'without any credential the program starts, accepts, holds, says how to sign in, and recovers by the sign-in',
  PROCESS_TEST,
  async () => {
    await using fixture = await BotFixture.start({
      apiKey: false,
      env: { TELEGRAM_HOME_CHANNEL: String(OPERATOR) },
    })
    const { gateway, telegram, sandbox } = fixture

    expect(await gateway.readiness()).toMatchObject({ status: 503, state: 'needs-login', reason: 'absent' })
    telegram.say(ADA, 'one')
    await fixture.until(() => fixture.shown(ADA).length === 1, 'the notice')
    telegram.say(ADA, 'two')
    expect(fixture.shown(ADA)[0]).toContain('Your message is saved')
    const status = await gateway.run(['status'])
    expect(status.stdout).toContain('hermes auth login')
    expect(status.code).toBe(3)
    expect(sandbox.counts).toMatchObject({ messageRequests: 0, tokenRequests: 0 })
    const login = await fixture.login()
    expect(login.stderr).toBe('')
    expect(login.code).toBe(0)
    await fixture.untilState('ready', 10_000)
    await fixture.until(() => fixture.shown(ADA).at(-1)!.includes('two'), 'the answer')
  },
)
