import { readFileSync } from 'node:fs'
import { simpleParser } from 'mailparser'
import { CAPABILITIES } from '../../../contracts/capabilities.ts'
import { TcpProxy } from '../../processes/tcp-proxy.ts'
import type { BotPlatform } from '../bot-platform.ts'
import { mailFrom } from './email-fixture.ts'
import { AUTHSERV_ID, BOT, MAIL_PASSWORD, MailHost } from './mail-host.ts'

/** How often the readers look into their mailboxes. */
const POLL_MS = 30
/** In a millisecond: Exim says when it takes a mail in these. */
const MICROSECONDS = 1_000

interface EmailPlatform extends BotPlatform {
  readonly host: MailHost
  /** When Exim took the answers that hold `text`, in epoch milliseconds. */
  takenAt(conversation: number, text: string): readonly number[]
}

/**
 * Mail for a whole gateway: Dovecot keeps the mailboxes, Exim takes the answers and hands them on.
 * SMTP has no way to ask whether a mail was taken before a line broke: it is sent once more then,
 * under the same Message-ID, by which only a reader's program can tell.
 */
export async function emailPlatform(): Promise<EmailPlatform> {
  const host = await MailHost.start()
  const [imap, smtp] = [await TcpProxy.to(host.imapPort), await TcpProxy.to(host.smtpPort)]
  const personOf = (conversation: number) => `person${conversation}@example.org`
  const readers = new Map<number, Reader>()
  const readerOf = (conversation: number) => {
    const reader = readers.get(conversation) ?? new Reader(host, personOf(conversation))
    readers.set(conversation, reader)
    return reader
  }
  return {
    host,
    name: 'email',
    channels: {
      email: {
        authserv_id: AUTHSERV_ID,
        mails_per_hour: 100_000,
        imap: { secure: false },
        smtp: { secure: false },
      },
    },
    env: {
      EMAIL_ADDRESS: BOT,
      EMAIL_PASSWORD: MAIL_PASSWORD,
      EMAIL_IMAP_HOST: `127.0.0.1:${imap.port}`,
      EMAIL_SMTP_HOST: `127.0.0.1:${smtp.port}`,
      EMAIL_ALLOWED_USERS: '*',
    },
    lines: [imap, smtp],
    dropsRepeats: CAPABILITIES.email.dropsRepeats,
    async say(conversation, text) {
      const from = personOf(conversation)
      const references = `<beginning-of-${conversation}@example.org>`
      await host.deliver(BOT, mailFrom(BOT, { from, text, references, inReplyTo: references }))
    },
    answers: (conversation) => readerOf(conversation).texts,
    takenAt: (conversation, text) => readerOf(conversation).takenAt(text),
    async [Symbol.asyncDispose]() {
      for (const reader of readers.values()) reader.stop()
      for (const line of [imap, smtp]) await line[Symbol.asyncDispose]()
      await host[Symbol.asyncDispose]()
    },
  }
}

/** A person's mail program: knows every mail, in the order in which the bot's server took them. */
class Reader {
  readonly #host: MailHost
  readonly #person: string
  readonly #mails = new Map<string, { readonly text: string; readonly taken: number }>()
  readonly #timer: NodeJS.Timeout
  #polling = false

  constructor(host: MailHost, person: string) {
    this.#host = host
    this.#person = person
    this.#timer = setInterval(() => void this.#poll(), POLL_MS)
  }

  get texts(): readonly string[] {
    return [...this.#mails.values()].sort((one, other) => one.taken - other.taken).map(({ text }) => text)
  }

  takenAt(part: string): readonly number[] {
    const holding = [...this.#mails.values()].filter(({ text }) => text.includes(part))
    return holding.map(({ taken }) => taken / MICROSECONDS)
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  async #poll(): Promise<void> {
    if (this.#polling) return
    this.#polling = true
    try {
      for (const { path } of this.#host.inbox(this.#person)) {
        if (this.#mails.has(path)) continue
        const mail = await simpleParser(readFileSync(path))
        const taken = Number(mail.headers.get('x-taken'))
        this.#mails.set(path, { text: mail.text ?? '', taken })
      }
    } finally {
      this.#polling = false
    }
  }
}
