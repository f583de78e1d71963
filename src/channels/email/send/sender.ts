import { Undeliverable, type SendOptions } from '../../../inbox/delivery/send-channel.ts'
import { remember } from '../../../support/remember.ts'
import type { MessageSender } from '../../kit/push-channel.ts'
import type { MailAddress } from '../mail-address.ts'
import type { AnsweredMail } from '../mailbox/mailbox.ts'
import { composeAnswer } from './compose.ts'
import type { SmtpClient } from './smtp-client.ts'
import { parseTarget, type MessageId } from './thread.ts'

/** Mails of which the answer's subject is remembered; of others it is looked up in the mailbox. */
const REMEMBERED_MAILS = 1_000

export interface SenderOptions {
  /** Our own address. */
  readonly from: MailAddress
  readonly smtp: SmtpClient
  /** Looks a mail up that was read before this process; null = it cannot be had now. Never rejects. */
  readonly find: (id: MessageId) => Promise<AnsweredMail | null>
}

/** Answers mails within their threads. Failures are those of `SendChannel`. */
export class Sender implements MessageSender {
  readonly #options: SenderOptions
  readonly #answered = new Map<MessageId, AnsweredMail>()
  /** The last mail of a thread, by the thread's address: a notice answers none, and still belongs there. */
  readonly #latest = new Map<string, MessageId>()

  constructor(options: SenderOptions) {
    this.#options = options
  }

  /** A mail was read that will be answered. @param address of its thread */
  received(address: string, id: MessageId, mail: AnsweredMail): void {
    remember(this.#answered, id, mail, REMEMBERED_MAILS)
    remember(this.#latest, address, id, REMEMBERED_MAILS)
  }

  /** @returns the Message-ID; see `SendChannel.send` */
  async send(address: string, part: string, options: SendOptions): Promise<string> {
    const { from, smtp } = this.#options
    const { key, signal } = options
    const target = parseTarget(address)
    if (!target) throw new Undeliverable('not a mail address')
    const replyTo = options.replyTo ?? this.#latest.get(address) ?? null
    const answered = replyTo === null ? null : await this.#find(replyTo)
    const mail = composeAnswer({ from, target, text: part, key, replyTo, answered })
    await smtp.send(mail, signal)
    return mail.messageId
  }

  async edit(): Promise<void> {
    throw new Undeliverable('a mail cannot be changed once it was sent')
  }

  async #find(id: MessageId): Promise<AnsweredMail | null> {
    const known = this.#answered.get(id)
    if (known) return known
    const found = await this.#options.find(id)
    if (found) remember(this.#answered, id, found, REMEMBERED_MAILS)
    return found
  }
}
