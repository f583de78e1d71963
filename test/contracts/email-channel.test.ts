import type Mail from 'nodemailer/lib/mailer'
import { afterAll, beforeAll, describe } from 'vitest'
import { Headers } from '../../src/channels/email/intake/headers.ts'
import { formatTarget, threadOf } from '../../src/channels/email/send/thread.ts'
import { ANNA, EmailFixture, mailFrom, RecordingSmtp } from '../support/platforms/email/email-fixture.ts'
import {
  MAIL_DOMAIN,
  MAIL_PASSWORD,
  MailHost,
  whyWithoutMail,
  withoutMailServers,
} from '../support/platforms/email/mail-host.ts'
import { CAPABILITIES } from './capabilities.ts'
import { BENS_WORDS, OWN_WORDS } from './channel-about.ts'
import { channelContract, type ChannelFixture } from './channel.ts'

/** The first mail of the thread in which everything here is said. */
const ROOT = '<the-first-one@example.org>'

describe.skipIf(withoutMailServers)(`e-mail over Dovecot${whyWithoutMail}`, () => {
  let host: MailHost
  beforeAll(async () => {
    host = await MailHost.start({ smtp: false })
  })
  afterAll(async () => {
    await host[Symbol.asyncDispose]()
  })

  channelContract('email', {
    capabilities: CAPABILITIES.email,
    facts: ['reply', 'forward'],
    async open(): Promise<ChannelFixture> {
      // Exim hands a mail on after it has answered; what was sent must be seen at once here.
      const smtp = await RecordingSmtp.start()
      const fixture = await EmailFixture.open(host, smtp.port)
      const said = new Map<string, Mail.Options>()
      const thread = threadOf(new Headers([]), ROOT, MAIL_DOMAIN)
      return {
        platform: {
          address: formatTarget({ to: ANNA, thread }),
          async say(text) {
            const mail = mailFrom(fixture.bot, { text, references: ROOT, inReplyTo: ROOT })
            said.set(mail.messageId, mail)
            await host.deliver(fixture.bot, mail)
            return mail.messageId
          },
          redeliver: (id) => host.deliver(fixture.bot, said.get(id)!),
          acknowledged: () => host.inbox(fixture.bot).every(({ flags }) => flags.includes('S')),
          sent: () =>
            smtp.mails.map((mail) => ({ id: mail.messageId!, text: (mail.text ?? '').replace(/\n$/, '') })),
          attempts: () => smtp.attempts,
          limitRate() {},
          block() {
            smtp.refuseRecipients = { code: 550, text: 'no such user here' }
          },
          down() {
            fixture.imap.line = 'refused'
            fixture.smtp.line = 'refused'
          },
          up() {
            fixture.imap.line = 'open'
            fixture.smtp.line = 'open'
          },
        },
        says: {
          reply() {
            const introduction = 'On Mon, 23 Nov 2026 at 09:12, Ben <ben@example.org> wrote:'
            const text = `${OWN_WORDS}\n\n${introduction}\n> ${BENS_WORDS}\n`
            return host.deliver(
              fixture.bot,
              mailFrom(fixture.bot, { text, references: ROOT, inReplyTo: ROOT }),
            )
          },
          forward() {
            const list = 'From: Ben <ben@example.org>\nDate: Mon, 23 Nov 2026 09:12\nSubject: hi'
            const text = `${OWN_WORDS}\n\n---------- Forwarded message ---------\n${list}\n\n${BENS_WORDS}\n`
            return host.deliver(fixture.bot, mailFrom(fixture.bot, { text, subject: 'Fwd: hi' }))
          },
        },
        create: (receiver) => fixture.create(receiver),
        logged: () => fixture.lines.join(''),
        secrets: [MAIL_PASSWORD],
        async [Symbol.asyncDispose]() {
          await fixture[Symbol.asyncDispose]()
          await smtp[Symbol.asyncDispose]()
        },
      }
    },
  })
})
