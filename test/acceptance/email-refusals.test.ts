import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Undeliverable } from '../../src/inbox/delivery/send-channel.ts'
import { TransientError } from '../../src/support/errors.ts'
import { Secret } from '../../src/support/secret.ts'
import { ANNA, EmailFixture, RecordingSmtp } from '../support/platforms/email/email-fixture.ts'
import {
  MAIL_PASSWORD,
  MailHost,
  whyWithoutMail,
  withoutMailServers,
} from '../support/platforms/email/mail-host.ts'
import { RecordingReceiver } from '../support/platforms/recording-receiver.ts'
import { until } from '../support/until.ts'

const signal = new AbortController().signal

describe.skipIf(withoutMailServers)(`what mail servers refuse${whyWithoutMail}`, () => {
  let host: MailHost
  beforeAll(async () => {
    host = await MailHost.start({ smtp: false })
  })
  afterAll(async () => {
    await host[Symbol.asyncDispose]()
  })

  test('a wrong password is said in words that the operator can act on, at both servers', async () => {
    await using smtp = await RecordingSmtp.start()
    await using fixture = await EmailFixture.open(host, smtp.port)
    const receiver = new RecordingReceiver()
    const wrong = fixture.create(receiver, { password: new Secret('TEST-wrong-password') })
    await wrong.start(receiver)
    const status = await until(
      () => (wrong.status().state === 'failed' ? wrong.status() : null),
      'the status',
    )
    expect(status.problem).toMatch(/IMAP server 127\.0\.0\.1 does not take .* app password/)
    const right = fixture.create(receiver)
    await right.start(receiver)
    await until(() => right.status().state === 'connected', 'the connection')
    smtp.password = 'TEST-another'
    const options = { replyTo: null, key: 'k', signal }
    await expect(right.send(ANNA, 'x', options)).rejects.toMatchObject({
      reason: 'token',
      retryAfterMs: 60_000,
    })
    expect(right.status()).toMatchObject({ state: 'failed', problem: expect.stringMatching(/SMTP server/) })
    expect(JSON.stringify(right.status()) + fixture.lines.join('')).not.toMatch(
      /TEST-(?:mail|wrong)-password/,
    )
    smtp.password = MAIL_PASSWORD
    await right.send(ANNA, 'x', options)
    expect(right.status()).toMatchObject({ state: 'connected', problem: null })
  })

  test('a folder that does not exist is named', async () => {
    await using fixture = await EmailFixture.open(host)
    const receiver = new RecordingReceiver()
    const channel = fixture.create(receiver, { mailbox: 'Nowhere' })
    await channel.start(receiver)
    await until(() => channel.status().state === 'failed', 'the status')
    expect(channel.status().problem).toContain('"Nowhere"')
  })

  test('without a trusted server nobody has access, and the status says so', async () => {
    await using fixture = await EmailFixture.open(host)
    const receiver = new RecordingReceiver()
    const channel = fixture.create(receiver, { authservId: null })
    await channel.start(receiver)
    expect(channel.status()).toMatchObject({
      state: 'failed',
      problem: expect.stringContaining('authserv_id'),
    })
    expect(fixture.imap.connections).toBe(0)
  })

  test.each([
    ['a recipient refused for now', { refuseRecipients: { code: 451, text: 'greylisted' } }, TransientError],
    ['a server that is too busy', { refuseMails: { code: 421, text: 'too busy' } }, TransientError],
    ['a recipient who does not exist', { refuseRecipients: { code: 550, text: 'unknown' } }, Undeliverable],
    ['a mail that is refused for good', { refuseMails: { code: 554, text: 'not wanted' } }, Undeliverable],
  ])('%s is told apart', async (_what, refusal, kind) => {
    await using smtp = await RecordingSmtp.start()
    await using fixture = await EmailFixture.open(host, smtp.port)
    const channel = fixture.create(new RecordingReceiver())
    Object.assign(smtp, refusal)
    await expect(channel.send(ANNA, 'x', { replyTo: null, key: 'k', signal })).rejects.toBeInstanceOf(kind)
    expect(channel.status().problem).toBeNull()
  })

  test.each([
    [
      'no more mails today',
      { refuseMails: { code: 550, text: '5.4.5 Daily limit exceeded' } },
      'rate-limited',
    ],
    [
      'a login that is missing',
      { refuseRecipients: { code: 530, text: '5.7.0 Authenticate first' } },
      'token',
    ],
  ])('%s is no fault of the answer, which waits', async (_what, refusal, reason) => {
    await using smtp = await RecordingSmtp.start()
    await using fixture = await EmailFixture.open(host, smtp.port)
    const channel = fixture.create(new RecordingReceiver())
    Object.assign(smtp, refusal)
    await expect(channel.send(ANNA, 'x', { replyTo: null, key: 'k', signal })).rejects.toMatchObject({
      reason,
    })
  })

  test('a mail whose fate is unknown is sent again under the same id', async () => {
    await using smtp = await RecordingSmtp.start()
    await using fixture = await EmailFixture.open(host, smtp.port)
    const channel = fixture.create(new RecordingReceiver())
    smtp.cutBeforeAnswer = true
    const options = { replyTo: null, key: 'k', signal }
    await expect(channel.send(ANNA, 'x', options)).rejects.toBeInstanceOf(TransientError)
    const id = await channel.send(ANNA, 'x', options)
    expect(smtp.mails.map(({ messageId }) => messageId)).toEqual([id, id])
  })
})
