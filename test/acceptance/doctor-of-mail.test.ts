import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import '../support/processes/no-gateway-left.ts'
import { mailFrom } from '../support/platforms/email/email-fixture.ts'
import {
  AUTHSERV_ID,
  MAIL_DOMAIN,
  MAIL_PASSWORD,
  MailHost,
  whyWithoutMail,
  withoutMailServers,
} from '../support/platforms/email/mail-host.ts'
import { PROCESS_TEST } from '../support/processes/bot-fixture.ts'
import { GatewayProcess } from '../support/processes/gateway-process.ts'

/** Nobody listens there: only mail is of interest. */
const NOWHERE = 'http://127.0.0.1:1'

interface Item {
  readonly id: string
  readonly level: string
  readonly message: string
  readonly mend: string | null
}

describe.skipIf(withoutMailServers)(`the doctor checks mail${whyWithoutMail}`, () => {
  let host: MailHost
  beforeAll(async () => {
    host = await MailHost.start()
  })
  afterAll(async () => {
    await host[Symbol.asyncDispose]()
  })

  /** What it finds of the channel, by the finding's id. */
  async function findings(
    bot: string,
    email: Readonly<Record<string, unknown>>,
    env: Readonly<Record<string, string>> = {},
  ): Promise<ReadonlyMap<string, Item>> {
    await using gateway = await GatewayProcess.prepare({
      config: {
        model: { base_url: NOWHERE },
        auth: { oauth: { authorize_url: NOWHERE, token_urls: [NOWHERE] } },
        channels: { email: { imap: { secure: false }, smtp: { secure: false }, ...email } },
      },
      env: {
        EMAIL_ADDRESS: bot,
        EMAIL_PASSWORD: MAIL_PASSWORD,
        EMAIL_IMAP_HOST: `127.0.0.1:${host.imapPort}`,
        EMAIL_SMTP_HOST: `127.0.0.1:${host.smtpPort}`,
        EMAIL_ALLOWED_USERS: 'anna@example.org',
        ...env,
      },
    })
    const { stdout, stderr } = await gateway.run(['doctor', '--json'])
    expect(stdout + stderr).not.toContain(MAIL_PASSWORD)
    const { items } = JSON.parse(stdout) as { items: readonly Item[] }
    return new Map(items.filter(({ id }) => id.startsWith('email.')).map((item) => [item.id, item]))
  }

  test(
    'and finds nothing to fix where mail arrives with the results of the named server',
    PROCESS_TEST,
    async () => {
      const bot = `well@${MAIL_DOMAIN}`
      await host.deliver(bot, mailFrom(bot, { text: 'hello' }))
      const found = await findings(bot, { authserv_id: AUTHSERV_ID })
      expect([...found.values()].map(({ id, level }) => [id, level])).toEqual([
        ['email.imap', 'ok'],
        ['email.authserv', 'ok'],
        ['email.smtp', 'ok'],
      ])
    },
  )

  test(
    'and says whose results the mail carries where none or a wrong server is named',
    PROCESS_TEST,
    async () => {
      const bot = `unnamed@${MAIL_DOMAIN}`
      await host.deliver(bot, mailFrom(bot, { text: 'hello' }))
      const unnamed = await findings(bot, {}, { EMAIL_ALLOWED_USERS: '' })
      expect(unnamed.get('email.authserv')).toMatchObject({
        level: 'error',
        message: expect.stringContaining(AUTHSERV_ID),
        mend: expect.stringContaining('config.yaml'),
      })
      expect(unnamed.get('email.access')).toMatchObject({ level: 'warning' })
      const wrong = await findings(bot, { authserv_id: 'mx.other.test' })
      expect(wrong.get('email.authserv')).toMatchObject({
        level: 'warning',
        message: expect.stringContaining(AUTHSERV_ID),
      })
    },
  )

  test('and repeats what the servers say to a wrong password or at a wrong port', PROCESS_TEST, async () => {
    const bot = `wrong@${MAIL_DOMAIN}`
    const password = await findings(
      bot,
      { authserv_id: AUTHSERV_ID },
      { EMAIL_PASSWORD: 'TEST-wrong-password' },
    )
    expect(password.get('email.imap')).toMatchObject({
      level: 'error',
      message: expect.stringMatching(/Authentication failed/i),
    })
    expect(password.get('email.smtp')).toMatchObject({
      level: 'error',
      message: expect.stringContaining('535'),
    })
    const port = await findings(
      bot,
      { authserv_id: AUTHSERV_ID },
      { EMAIL_IMAP_HOST: '127.0.0.1:1', EMAIL_SMTP_HOST: '127.0.0.1:1' },
    )
    expect(port.get('email.imap')).toMatchObject({
      level: 'error',
      message: expect.stringContaining('ECONNREFUSED'),
    })
    expect(port.get('email.smtp')).toMatchObject({
      level: 'error',
      message: expect.stringContaining('ECONNREFUSED'),
    })
  })
})
