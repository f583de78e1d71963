import { expect, test, vi } from 'vitest'
import { createLog } from '../../../support/log.ts'
import type { MailSummary } from '../mailbox/mail-summary.ts'
import { Headers } from './headers.ts'
import { Intake } from './intake.ts'

const log = await createLog({ level: 'silent' })
const HEAD = [
  'Authentication-Results: mx.bot.test; dmarc=pass header.from=example.org',
  'From: "Anna" <anna@example.org>',
]

/** A mail as it is in the folder; `source` is asked for only where it is to be read. */
function found(lines: readonly string[], body: string | null, part: Partial<MailSummary> = {}): MailSummary {
  const header = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`)
  return {
    uid: 1,
    header,
    size: 1_000,
    arrivedAt: 1_000,
    writtenAt: null,
    source: async () => (body === null ? null : Buffer.concat([header, Buffer.from(body)])),
    ...part,
  }
}

const intake = () =>
  new Intake({
    address: 'bot@bot.test',
    authservId: 'mx.bot.test',
    mayWrite: (from) => from === 'anna@example.org',
    mailsPerHour: 2,
    onTaken: () => {},
    log,
  })

const neverLoaded = {
  source: () => Promise.reject(new Error('this mail was not to be loaded')),
}

test('a mail of a proved and listed sender is handed over under its own id', async () => {
  const mail = await intake().read(found([...HEAD, 'Message-ID: <a@example.org>'], 'Hello\r\n'))
  expect(mail).toMatchObject({
    kind: 'message',
    platformMessageId: '<a@example.org>',
    person: { id: 'anna@example.org', name: 'Anna' },
    chat: { kind: 'private', addressed: true },
    text: 'Hello',
    unsupported: null,
  })
})

test('a mail without an id gets one that is the same whenever it is read', async () => {
  const read = async () => await intake().read(found(HEAD, 'Hello'))
  expect(await read()).toMatchObject({ platformMessageId: expect.stringMatching(/^<\w{64}@/) })
  expect(await read()).toEqual({ ...(await read()), attachments: [] })
})

test.each([
  ['that is gone', HEAD, {}],
  ['of a stranger', [HEAD[0]!, 'From: ben@example.org'], neverLoaded],
  ['of a program', [...HEAD, 'Auto-Submitted: auto-replied'], neverLoaded],
  ['with a broken header', [...HEAD, 'not a field'], neverLoaded],
])('a mail %s is left, and loaded only if it must be', async (_what, lines, part) => {
  expect(await intake().read(found(lines, null, part))).toBeNull()
})

test('nothing of a stranger’s header is looked into but who wrote it', async () => {
  const looked: string[] = []
  const lines = [HEAD[0]!, 'From: ben@example.org', `Auto-Submitted: ${'('.repeat(100_000)}`]
  const start = vi.spyOn(Headers.prototype, 'start').mockImplementation((name) => {
    looked.push(name)
    return null
  })
  expect(await intake().read(found(lines, null, neverLoaded))).toBeNull()
  start.mockRestore()
  expect(looked).toEqual([])
})

test('a mail that is too large is refused with a sentence, without being loaded', async () => {
  const mail = await intake().read(found(HEAD, null, { ...neverLoaded, size: 31 * 1024 * 1024 }))
  expect(mail).toMatchObject({ text: '', unsupported: expect.stringContaining('30 MB') })
})

test('a forwarded mail is no command, whatever it says', async () => {
  const mail = await intake().read(found([...HEAD, 'Subject: Fwd: look'], '/new\r\n'))
  expect(mail).toMatchObject({ forwarded: true })
})

test('a mail hands over what it answers, in a quotation of its own', async () => {
  const body =
    'What does he mean?\r\n\r\nOn Mon, 23 Nov 2026 at 09:12, Ben <ben@example.org> wrote:\r\n> Nomen est omen.\r\n'
  const mail = await intake().read(found([...HEAD, 'Subject: Re: hello', 'In-Reply-To: <a@bot.test>'], body))
  expect(mail).toMatchObject({
    text: 'What does he mean?',
    about: {
      quotes: [
        {
          kind: 'reply',
          from: null,
          text: 'On Mon, 23 Nov 2026 at 09:12, Ben <ben@example.org> wrote:\nNomen est omen.',
        },
      ],
    },
  })
})

test('a mail that answers us quotes what the conversation has already, and hands over nothing', async () => {
  const body = 'Thanks!\r\n\r\nOn Mon, 23 Nov 2026 at 09:12, Hermes <Bot@bot.test> wrote:\r\n> An answer.\r\n'
  const mail = await intake().read(found([...HEAD, 'Subject: Re: hello', 'In-Reply-To: <a@bot.test>'], body))
  expect(mail).toMatchObject({ text: 'Thanks!' })
  expect(mail).not.toHaveProperty('about')
})

test.each([
  ['---------- Forwarded message ---------'],
  ['Begin forwarded message:'],
  ['-----Original Message-----'],
])('a forwarded mail is quoted apart from the words about it: %s', async (mark) => {
  const list =
    'From: Ben <ben@example.org>\r\nDate: Mon, 23 Nov 2026 09:12\r\nSubject: hi\r\n\r\nNomen est omen.'
  const body = `What does it mean?\r\n\r\n${mark}\r\n${list}\r\n`
  const mail = await intake().read(found([...HEAD, 'Subject: Fwd: hi'], body))
  expect(mail).toMatchObject({
    text: 'Subject: Fwd: hi\n\nWhat does it mean?',
    about: { quotes: [{ kind: 'forward', from: 'Ben <ben@example.org>' }] },
  })
  const [quotation] = (mail?.kind === 'message' && mail.about?.quotes) || []
  expect(quotation?.text).toContain('\nNomen est omen.')
})

test('an encrypted mail is answered with a sentence', async () => {
  const type = 'Content-Type: application/pkcs7-mime; smime-type=enveloped-data'
  expect(await intake().read(found([...HEAD, type], 'MIIB'))).toMatchObject({
    unsupported: expect.stringContaining('encrypted'),
  })
})
