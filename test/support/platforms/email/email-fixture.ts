import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import type { Readable } from 'node:stream'
import { simpleParser, type ParsedMail } from 'mailparser'
import type Mail from 'nodemailer/lib/mailer'
import { SMTPServer } from 'smtp-server'
import type { Channel } from '../../../../src/channels/channel.ts'
import { createEmailChannel, type EmailOptions } from '../../../../src/channels/email/channel.ts'
import { systemClock } from '../../../../src/support/clock.ts'
import { createLog, type Log } from '../../../../src/support/log.ts'
import { Secret } from '../../../../src/support/secret.ts'
import { TcpProxy } from '../../processes/tcp-proxy.ts'
import type { RecordingReceiver } from '../recording-receiver.ts'
import { AUTHSERV_ID, MAIL_DOMAIN, MAIL_PASSWORD, type MailHost } from './mail-host.ts'

export const ANNA = 'anna@example.org'

/** What the receiving server writes above a mail whose sender it has proved. */
export function proof(from: string, authservId = AUTHSERV_ID): string {
  const domain = from.slice(from.lastIndexOf('@') + 1)
  return `${authservId}; dkim=pass header.d=${domain}; dmarc=pass (p=reject) header.from=${domain}`
}

/** A mail by Anna, or by whom it says, with the server's authentication results above it. */
export function mailFrom(to: string, mail: Mail.Options): Mail.Options & { readonly messageId: string } {
  const from = typeof mail.from === 'string' ? mail.from : ANNA
  return {
    from,
    to,
    // Keeps white space at the ends of lines.
    textEncoding: 'base64',
    messageId: `<${randomUUID()}@example.org>`,
    headers: { 'Authentication-Results': proof(from) },
    ...mail,
  } as Mail.Options & { readonly messageId: string }
}

/** An SMTP server that keeps what it is given, and says what a test tells it to. */
export class RecordingSmtp implements AsyncDisposable {
  readonly mails: ParsedMail[] = []
  attempts = 0
  /** Answers to the next recipients; null = taken. */
  refuseRecipients: { readonly code: number; readonly text: string } | null = null
  /** Answers to the next mails, after they were read. */
  refuseMails: { readonly code: number; readonly text: string } | null = null
  /** Takes the mail and breaks the line instead of saying so. */
  cutBeforeAnswer = false
  password = MAIL_PASSWORD
  readonly #server: SMTPServer

  private constructor() {
    this.#server = new SMTPServer({
      disabledCommands: ['STARTTLS'],
      allowInsecureAuth: true,
      disableReverseLookup: true,
      onAuth: ({ password }, _session, done) => {
        if (password === this.password) done(null, { user: 'bot' })
        else done(Object.assign(new Error(`who is ${password}?`), { responseCode: 535 }))
      },
      onRcptTo: (_address, _session, done) => {
        this.attempts++
        done(this.refuseRecipients && failure(this.refuseRecipients))
      },
      onData: (stream, session, answer) => {
        void this.#receive(stream).then((refusal) => {
          if (!this.cutBeforeAnswer) return answer(refusal)
          this.cutBeforeAnswer = false
          return this.#cut(session.id)
        })
      },
    })
    this.#server.on('error', () => {})
  }

  static async start(): Promise<RecordingSmtp> {
    const smtp = new RecordingSmtp()
    smtp.#server.listen(0, '127.0.0.1')
    await once(smtp.#server.server, 'listening')
    return smtp
  }

  get port(): number {
    return (this.#server.server.address() as AddressInfo).port
  }

  /** @returns the refusal; null = the mail is kept */
  async #receive(stream: Readable): Promise<Error | null> {
    const mail = await simpleParser(stream)
    if (this.refuseMails) return failure(this.refuseMails)
    this.mails.push(mail)
    return null
  }

  #cut(session: string): void {
    const connections = this.#server.connections as unknown as Iterable<{ id: string; close(): void }>
    for (const connection of connections) if (connection.id === session) connection.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise<void>((resolve) => this.#server.close(() => resolve()))
  }
}

function failure({ code, text }: { readonly code: number; readonly text: string }): Error {
  return Object.assign(new Error(text), { responseCode: code })
}

let mailboxes = 0

/** A mailbox of its own on a server, lines to it that can break, and channels that read it. */
export class EmailFixture implements AsyncDisposable {
  readonly host: MailHost
  readonly bot: string
  readonly imap: TcpProxy
  readonly smtp: TcpProxy
  readonly lines: string[] = []
  readonly #log: Log
  readonly #channels: Channel[] = []

  private constructor(host: MailHost, imap: TcpProxy, smtp: TcpProxy, lines: string[], log: Log) {
    this.host = host
    this.bot = `bot${++mailboxes}@${MAIL_DOMAIN}`
    this.imap = imap
    this.smtp = smtp
    this.lines = lines
    this.#log = log
  }

  static async open(host: MailHost, smtpPort: number = host.smtpPort): Promise<EmailFixture> {
    const lines: string[] = []
    const log = await createLog({ level: 'trace', destination: { write: (line) => void lines.push(line) } })
    const imap = await TcpProxy.to(host.imapPort)
    return new EmailFixture(host, imap, await TcpProxy.to(smtpPort), lines, log)
  }

  create(receiver: RecordingReceiver, options: Partial<EmailOptions> = {}): Channel {
    const channel = createEmailChannel({
      address: this.bot,
      username: this.bot,
      password: new Secret(MAIL_PASSWORD),
      imap: { host: '127.0.0.1', port: this.imap.port, secure: false },
      smtp: { host: '127.0.0.1', port: this.smtp.port, secure: false },
      mailbox: 'INBOX',
      authservId: AUTHSERV_ID,
      mayWrite: () => true,
      mailsPerHour: 1_000,
      clock: systemClock,
      log: this.#log,
      readCursor: async (name) => receiver.cursors.get(name) ?? null,
      writeCursor: async (name, value) => void receiver.cursors.set(name, value),
      inputs: receiver.inputs,
      ...options,
    })
    this.#channels.push(channel)
    return channel
  }

  /** A mail arrives. @returns its Message-ID */
  async say(text: string, mail: Mail.Options = {}): Promise<string> {
    const whole = mailFrom(this.bot, { text, ...mail })
    await this.host.deliver(this.bot, whole)
    return whole.messageId
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#channels.map((channel) => channel.stop()))
    await this.imap[Symbol.asyncDispose]()
    await this.smtp[Symbol.asyncDispose]()
  }
}
