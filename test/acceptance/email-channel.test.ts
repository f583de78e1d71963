import { readFileSync } from 'node:fs'
import { ImapFlow } from 'imapflow'
import { simpleParser, type ParsedMail } from 'mailparser'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Channel } from '../../src/channels/channel.ts'
import type { EmailOptions } from '../../src/channels/email/channel.ts'
import { parkedInput } from '../../src/inbox/parked-inputs.ts'
import { DAY } from '../../src/support/clock.ts'
import { Refused, RowRefused } from '../../src/support/errors.ts'
import { ANNA, EmailFixture, proof } from '../support/platforms/email/email-fixture.ts'
import {
  MAIL_PASSWORD,
  MailHost,
  whyWithoutMail,
  withoutMailServers,
} from '../support/platforms/email/mail-host.ts'
import { RecordingReceiver } from '../support/platforms/recording-receiver.ts'
import { pause, until } from '../support/until.ts'

const signal = new AbortController().signal
/** So long that nothing is found by asking. */
const NEVER_ASK = { idleMs: 600_000 }

describe.skipIf(withoutMailServers)(`mail through Dovecot and Exim${whyWithoutMail}`, () => {
  let host: MailHost
  beforeAll(async () => {
    host = await MailHost.start()
  })
  afterAll(async () => {
    await host[Symbol.asyncDispose]()
  })

  /** A mailbox and a channel that reads it, once it has looked into it. */
  async function reading(
    play: (fixture: EmailFixture, receiver: RecordingReceiver, channel: Channel) => Promise<void>,
    options: Partial<EmailOptions> = {},
    smtpPort = host.smtpPort,
  ): Promise<void> {
    await using fixture = await EmailFixture.open(host, smtpPort)
    const receiver = new RecordingReceiver()
    const channel = await started(fixture, receiver, options)
    await play(fixture, receiver, channel)
  }

  async function started(
    fixture: EmailFixture,
    receiver: RecordingReceiver,
    options: Partial<EmailOptions> = {},
  ): Promise<Channel> {
    const channel = fixture.create(receiver, options)
    await channel.start(receiver)
    await until(() => channel.status().state === 'connected', 'the connection')
    return channel
  }

  const answer = (channel: Channel, receiver: RecordingReceiver, text: string, key: string) => {
    const { address, platformMessageId } = receiver.messages.at(-1)!
    return channel.send(address, text, { replyTo: platformMessageId, key, signal })
  }

  /** What a person finds in the mailbox, oldest first. */
  async function mailsOf(user: string, count: number): Promise<ParsedMail[]> {
    await until(() => host.inbox(user).length >= count, `${count} mails for ${user}`)
    return Promise.all(host.inbox(user).map(({ path }) => simpleParser(readFileSync(path))))
  }

  /** Puts a mail into the mailbox as if it had arrived at that time. */
  async function arrivedAt(
    fixture: EmailFixture,
    date: Date,
    text: string,
    written = date,
    body = text,
  ): Promise<void> {
    const auth = { user: fixture.bot, pass: MAIL_PASSWORD }
    const client = new ImapFlow({
      host: '127.0.0.1',
      port: host.imapPort,
      secure: false,
      auth,
      logger: false,
    })
    await client.connect()
    const head = [
      `Authentication-Results: ${proof(ANNA)}`,
      `From: ${ANNA}`,
      `Message-ID: <${text.replaceAll(' ', '-')}@example.org>`,
      `Date: ${written.toUTCString()}`,
    ]
    await client.append('INBOX', `${head.join('\r\n')}\r\n\r\n${body}\r\n`, [], date)
    await client.logout()
  }

  test('a mail that arrives while nothing is asked is handed over at once', () =>
    reading(async (fixture, receiver) => {
      // The channel listens by now: nothing else tells that it does.
      await pause(300)
      const before = performance.now()
      await fixture.say('now')
      await until(() => receiver.texts.length === 1, 'the mail')
      expect(performance.now() - before).toBeLessThan(5_000)
    }, NEVER_ASK))

  test('a mail that arrives after another was looked up for an answer is handed over at once', () =>
    reading(async (fixture, receiver, channel) => {
      await fixture.say('first')
      await until(() => receiver.texts.length === 1, 'the first mail')
      await channel.stop()
      // It has not read that mail itself, and asks the server for it.
      const next = await started(fixture, receiver, NEVER_ASK)
      await pause(300)
      await answer(next, receiver, 'an answer', 'k1')
      // Time for IDLE to begin again, in which the next mail is not to be seen by chance.
      await pause(300)
      const before = performance.now()
      await fixture.say('second')
      await until(() => receiver.texts.length === 2, 'the second mail')
      expect(performance.now() - before).toBeLessThan(5_000)
    }, NEVER_ASK))

  test('a mail that can never be stored is parked, and read again on request', () =>
    reading(async (fixture, receiver) => {
      for (const error of [new RowRefused('no'), new TypeError('a bug')]) {
        receiver.before = (items) => {
          if (items.some((item) => 'text' in item && item.text === 'poison')) throw error
        }
        await fixture.say('poison')
        await fixture.say('after')
        await until(() => receiver.texts.at(-1) === 'after', 'the mail after it', 20_000)
        const [parked, ...others] = await receiver.inputs.list()
        expect(parked).toMatchObject({ channel: 'email', place: 'INBOX', state: 'parked', raw: null })
        expect(others).toEqual([])
        receiver.before = null
        await receiver.inputs.retry(parked!.id)
        await until(() => receiver.texts.at(-1) === 'poison', 'what was parked')
        await expect.poll(() => receiver.inputs.list()).toEqual([])
        const seen = () => host.inbox(fixture.bot).every(({ flags }) => flags.includes('S'))
        await until(seen, 'all mails to be seen')
      }
    }))

  test('a parked mail that was deleted says so', () =>
    reading(async (_fixture, receiver) => {
      const [uidValidity] = receiver.cursors.get('position INBOX')!.split(':')
      for (const [place, input] of [
        ['INBOX', `${uidValidity}:77`],
        ['INBOX', '1:1'],
        ['Elsewhere', `${uidValidity}:1`],
      ] as const) {
        const known = { channel: 'email', place, input, reason: 'a reason', at: 1 }
        const parked = parkedInput(known)
        await receiver.inputs.save(parked)
        await receiver.inputs.retry(parked.id)
        const now = async () => (await receiver.inputs.list()).find(({ id }) => id === parked.id)
        await expect
          .poll(now)
          .toMatchObject({ state: 'parked', reason: 'this message is not there any more' })
      }
    }))

  test('an answer joins the thread, and what is written on it, by whatever program, comes to the same conversation', async () => {
    const person = 'thread@example.org'
    await using fixture = await EmailFixture.open(host)
    const receiver = new RecordingReceiver()
    const channel = await started(fixture, receiver)
    const first = await fixture.say('what is it?', { from: person, subject: 'Grüße' })
    await until(() => receiver.texts.length === 1, 'the question')
    const id = await answer(channel, receiver, '**It** is.', 'k1')
    const [mail] = await mailsOf(person, 1)
    expect(mail).toMatchObject({
      messageId: id,
      inReplyTo: first,
      subject: 'Re: Grüße',
      text: '**It** is.',
      from: { value: [{ address: fixture.bot }] },
    })
    expect(mail!.html).toContain('<strong>It</strong>')
    expect(mail!.headers.get('auto-submitted')).toBe('auto-replied')
    await channel.stop()
    // A new process knows nothing but its cursors.
    const restarted = await started(fixture, receiver)
    await fixture.say('and then?', { from: person, subject: 'Re: Grüße', inReplyTo: id })
    await until(() => receiver.texts.length === 2, 'the second question')
    expect(receiver.messages[1]!.address).toBe(receiver.messages[0]!.address)
    await restarted.stop()
    const again = await started(fixture, receiver)
    await answer(again, receiver, 'Nothing.', 'k2')
    expect((await mailsOf(person, 2))[1]).toMatchObject({
      subject: 'Re: Grüße',
      inReplyTo: receiver.messages[1]!.platformMessageId,
    })
  })

  test('a notice that answers no mail joins the thread that it is about', async () => {
    const person = 'notice@example.org'
    await using fixture = await EmailFixture.open(host)
    const receiver = new RecordingReceiver()
    const channel = await started(fixture, receiver)
    const id = await fixture.say('hello?', { from: person, subject: 'Hello' })
    await until(() => receiver.texts.length === 1, 'the question')
    expect(receiver.texts).toEqual(['Subject: Hello\n\nhello?'])
    await channel.send(receiver.messages[0]!.address, 'Later.', { replyTo: null, key: 'n', signal })
    expect((await mailsOf(person, 1))[0]).toMatchObject({ subject: 'Re: Hello', inReplyTo: id })
  })

  test('a command is one in the first mail, too, and a subject alone is a question', () =>
    reading(async (fixture, receiver) => {
      await fixture.say('/new\n\n-- \nAnna', { subject: 'Once more' })
      await fixture.say('', { subject: 'What is it?' })
      await until(() => receiver.texts.length === 2, 'both')
      expect(receiver.texts).toEqual(['/new', 'What is it?'])
    }))

  test('the first start takes what comes from now on, and leaves what was there', async () => {
    await using fixture = await EmailFixture.open(host)
    await arrivedAt(fixture, new Date(Date.now() - DAY), 'of yesterday')
    const receiver = new RecordingReceiver()
    await started(fixture, receiver)
    await fixture.say('of today')
    await until(() => receiver.texts.length > 0, 'the new mail')
    expect(receiver.texts).toEqual(['of today'])
    await until(() => host.inbox(fixture.bot)[1]!.flags === 'S', 'its flag')
    expect(host.inbox(fixture.bot)[0]!.flags).toBe('')
  })

  test('what came while it was away is found in its order, and nothing twice', () =>
    reading(async (fixture, receiver, channel) => {
      await fixture.say('before')
      await until(() => receiver.texts.length === 1, 'the first')
      await channel.stop()
      const missed = Array.from({ length: 60 }, (_, index) => `missed ${index}`)
      for (const text of missed) await fixture.say(text)
      await started(fixture, receiver)
      await until(() => receiver.texts.length === 61, 'what was missed')
      expect(receiver.texts).toEqual(['before', ...missed])
    }))

  test('a mailbox that restarts its numbering is read again as far as it may hold something new', () =>
    reading(async (fixture, receiver, channel) => {
      await arrivedAt(fixture, new Date(Date.now() - 30 * DAY), 'long ago')
      await fixture.say('known')
      await until(() => receiver.texts.includes('known'), 'the first')
      await channel.stop()
      const { distinct } = receiver
      await fixture.say('missed')
      // As after a move: everything seems to have arrived today.
      await arrivedAt(fixture, new Date(), 'moved here', new Date(Date.now() - 30 * DAY))
      await host.recount(fixture.bot)
      const restarted = await started(fixture, receiver)
      expect(receiver.texts.filter((text) => text === 'missed')).toHaveLength(1)
      expect(receiver.texts).not.toContain('moved here')
      expect(receiver.distinct).toBe(distinct + 1)
      await fixture.say('afterwards')
      await until(() => receiver.texts.includes('afterwards'), 'the news')
      await restarted.stop()
      const { length } = receiver.texts
      await started(fixture, receiver)
      expect(receiver.texts).toHaveLength(length)
    }))

  test('a connection that a router has dropped is noticed, and mail from that time is found', () =>
    reading(
      async (fixture, receiver, channel) => {
        fixture.imap.line = 'silent'
        await fixture.say('into the silence')
        await until(() => channel.status().state === 'retrying', 'the notice')
        fixture.imap.line = 'open'
        await until(() => receiver.texts.length === 1, 'the mail')
        await until(() => channel.status().state === 'connected', 'the status after it')
        expect(receiver.texts).toEqual(['into the silence'])
      },
      { idleMs: 100, answerMs: 300 },
    ))

  test('a connection that breaks between two mails loses neither', () =>
    reading(async (fixture, receiver) => {
      for (let round = 0; round < 5; round++) {
        await fixture.say(`a${round}`)
        fixture.imap.cut()
        await fixture.say(`b${round}`)
      }
      await until(() => receiver.distinct === 10, 'all of them', 30_000)
      expect(new Set(receiver.texts).size).toBe(10)
    }))

  test('a server that cannot push is polled', async () => {
    await using plain = await MailHost.start({ smtp: false, capability: 'IMAP4rev1 UIDPLUS LITERAL+' })
    await using fixture = await EmailFixture.open(plain)
    const receiver = new RecordingReceiver()
    await started(fixture, receiver, { idleMs: 200 })
    await fixture.say('anything new?')
    await until(() => receiver.texts.length > 0, 'the mail')
    expect(receiver.texts).toEqual(['anything new?'])
  })

  test('forged, foreign and automatic mail is neither handed over nor touched', () =>
    reading(
      async (fixture, receiver) => {
        const forged = [
          {},
          { 'Authentication-Results': proof(ANNA, 'mx.evil.test') },
          { 'Authentication-Results': [proof(ANNA).replaceAll('pass', 'fail'), proof(ANNA)] },
          { 'Authentication-Results': proof('eve@evil.test') },
        ]
        for (const headers of forged) await fixture.say('I am Anna', { headers })
        const proved = { 'Authentication-Results': proof(ANNA) }
        await fixture.say('I am away', { headers: { ...proved, 'Auto-Submitted': 'auto-replied' } })
        await fixture.say('buy this', { headers: { ...proved, 'List-Id': '<shop.example.org>' } })
        await fixture.say('let me in', { from: 'stranger@example.org' })
        await fixture.say('I am Anna')
        await until(() => receiver.texts.length > 0, 'the true one')
        expect(receiver.items).toHaveLength(1)
        const flags = () => host.inbox(fixture.bot).map(({ flags }) => flags)
        await until(() => flags().includes('S'), 'its flag')
        expect(flags()).toEqual([...Array(7).fill(''), 'S'])
        expect(fixture.lines.join('')).toContain('its sender may not write')
      },
      { mayWrite: (from) => from === ANNA },
    ))

  test('two gateways that write to each other fall silent at once', async () => {
    await using one = await EmailFixture.open(host)
    await using other = await EmailFixture.open(host)
    const receivers = [new RecordingReceiver(), new RecordingReceiver()] as const
    const channels = [await started(one, receivers[0]), await started(other, receivers[1])] as const
    // InboundEvent between two servers, their mails would be proved; nothing else keeps them apart here.
    await one.say('begin', { from: other.bot })
    await until(() => receivers[0].texts.length === 1, 'the first mail')
    await answer(channels[0], receivers[0], 'an answer', 'k')
    const [sent] = await mailsOf(other.bot, 1)
    await other.say(sent!.text!, {
      from: one.bot,
      headers: {
        'Authentication-Results': proof(one.bot),
        'Auto-Submitted': String(sent!.headers.get('auto-submitted')),
      },
    })
    await other.say('a person')
    await until(() => receivers[1].texts.includes('a person'), 'the mail after it')
    expect(receivers[1].texts).toEqual(['a person'])
  })

  test('a program that answers everything and tells nobody is told once that it is too much, and then nothing', () =>
    reading(
      async (fixture, receiver) => {
        for (let round = 0; round < 8; round++) await fixture.say(`re ${round}`)
        await fixture.say('a person', { from: 'ben@example.org' })
        await until(() => receiver.texts.includes('a person'), 'the mail after it')
        expect(receiver.messages.map(({ text, unsupported }) => unsupported !== null || text)).toEqual([
          're 0',
          're 1',
          're 2',
          true,
          'a person',
        ])
      },
      { mailsPerHour: 3 },
    ))

  test('a page is read as text, files are taken along, logos are not', () =>
    reading(async (fixture, receiver) => {
      const png = Buffer.from('89504e470d0a1a0a', 'hex')
      await fixture.say('', {
        html: '<style>p{}</style><p>See <b>this</b>:</p><ul><li>one</li></ul><img src="cid:logo">',
        attachments: [
          { filename: 'logo.png', content: Buffer.concat([png, Buffer.alloc(500)]), cid: 'logo' },
          { filename: 'plan.png', content: Buffer.concat([png, Buffer.alloc(20_000)]) },
          { filename: 'letter.pdf', content: Buffer.from('%PDF-1.7\n') },
          { filename: 'notes.md', content: '# Notes', contentType: 'application/octet-stream' },
          { filename: 'report.docx', content: Buffer.from('PK\x03\x04\0') },
        ],
      })
      await until(() => receiver.messages.length === 1, 'the mail')
      const [mail] = receiver.messages
      expect(mail!.text).toBe('See this:\n\n * one')
      const files = await Promise.allSettled(mail!.attachments.map((load) => load()))
      expect(files.map((file) => (file.status === 'fulfilled' ? file.value.mediaType : file.reason))).toEqual(
        ['image/png', 'application/pdf', 'text/plain', expect.any(Refused)],
      )
    }))

  test('a large mail is read with its file, and one that is too large is not even loaded', () =>
    reading(async (fixture, receiver) => {
      const bytes = Buffer.concat([Buffer.from('%PDF-1.7\n'), Buffer.alloc(4 * 1024 * 1024, 'x')])
      await fixture.say('large', { attachments: [{ filename: 'a.pdf', content: bytes }] })
      await until(() => receiver.messages.length === 1, 'the large mail')
      expect((await receiver.messages[0]!.attachments[0]!()).bytes).toHaveLength(bytes.length)
      await arrivedAt(fixture, new Date(), 'too large', new Date(), 'x'.repeat(31 * 1024 * 1024))
      await until(() => receiver.messages.length === 2, 'the refusal')
      expect(receiver.messages[1]).toMatchObject({ text: '', unsupported: expect.stringContaining('30 MB') })
    }))
})
