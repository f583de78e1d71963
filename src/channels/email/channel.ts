import type { MailServer } from '../../config/mail-server.ts'
import type { Receiver } from '../../conversation/receiver.ts'
import type { ChannelInputs } from '../../inbox/parked-inputs.ts'
import type { Secret } from '../../support/secret.ts'
import type { Channel, ChannelStatus } from '../channel.ts'
import { Rereader } from '../kit/intake/rereader.ts'
import { PushChannel, type PushChannelOptions } from '../kit/push-channel.ts'
import { Intake } from './intake/intake.ts'
import type { MailAddress } from './mail-address.ts'
import { Mailbox } from './mailbox/mailbox.ts'
import { Sender } from './send/sender.ts'
import { SmtpClient, type SmtpTrouble } from './send/smtp-client.ts'
import { splitAnswer } from './send/split.ts'

const NO_AUTHSERV_ID =
  'channels.email.authserv_id is not set: no sender can be proved, so nobody’s mail is taken (docs/email.md says how to find it)'

export interface EmailOptions extends PushChannelOptions {
  /** The gateway's mail address. */
  readonly address: string
  /** The account's name at both servers. */
  readonly username: string
  readonly password: Secret
  readonly imap: MailServer
  readonly smtp: MailServer
  /** The folder that is read. */
  readonly mailbox: string
  /** The server whose result on senders is believed; null = none, and nothing is received. */
  readonly authservId: string | null
  /** May a sender who proves to have this address write? It is in lower case. */
  readonly mayWrite: (from: string) => boolean
  /** Did the operator name this very address, rather than let everybody write? Default: no. */
  readonly isListed?: (from: string) => boolean
  /** A cursor of this channel as it was stored last; null = none yet. @throws StoreError */
  readonly readCursor: (name: string) => Promise<string | null>
  /** Stores a cursor that comes with nothing. Durable when it resolves. @throws StoreError */
  readonly writeCursor: (name: string, value: string) => Promise<void>
  /** The longest silence before the IMAP server has to show that it is still there, in milliseconds. */
  readonly idleMs?: number
  /** How long it may leave a short command unanswered, in milliseconds. */
  readonly answerMs?: number
  /** Answers to one correspondent within an hour, before it counts as a loop. */
  readonly mailsPerHour: number
}

/** The channel `email`: a folder read over IMAP, answers sent over SMTP. */
export function createEmailChannel(options: EmailOptions): Channel {
  return new EmailChannel(options)
}

class EmailChannel extends PushChannel {
  readonly channel = 'email'
  /** A mail cannot be changed once it was sent. */
  readonly draftIntervalMs = null
  /** Mail programs find by it to which thread a mail belongs. */
  protected override readonly alwaysQuotes = true
  protected readonly sender: Sender
  readonly #own: MailAddress
  readonly #mailbox: Mailbox | null
  readonly #inputs: ChannelInputs
  /** Of the sending side; the status shows it while receiving is well. */
  #sending: (SmtpTrouble & { readonly since: number }) | null = null

  constructor(options: EmailOptions) {
    super(options)
    const { authservId, smtp, username, password } = options
    this.#own = options.address.toLowerCase()
    this.#inputs = options.inputs
    const onTrouble = (trouble: SmtpTrouble | null) => this.#reportSending(trouble)
    this.sender = new Sender({
      from: this.#own,
      smtp: new SmtpClient({ server: smtp, username, password, onTrouble }),
      find: async (id) => (await this.#mailbox?.find(id)) ?? null,
    })
    this.#mailbox = authservId === null ? null : this.#openMailbox(options, authservId)
    if (authservId === null) this.log.warn({ channel: this.channel }, NO_AUTHSERV_ID)
  }

  #openMailbox(options: EmailOptions, authservId: string): Mailbox {
    const intake = new Intake({
      ...options,
      address: this.#own,
      authservId,
      onTaken: (address, id, mail) => this.sender.received(address, id, mail),
    })
    return new Mailbox({
      ...options,
      server: options.imap,
      random: this.random,
      read: (mail) => intake.read(mail),
      onStatus: (status) => this.report(status),
    })
  }

  protected async run(receiver: Receiver, signal: AbortSignal): Promise<void> {
    const mailbox = this.#mailbox
    if (!mailbox) return this.report({ state: 'failed', problem: NO_AUTHSERV_ID })
    const rereader = new Rereader({
      channel: this.channel,
      clock: this.clock,
      log: this.log,
      inputs: this.#inputs,
      read: (input) => mailbox.reread(input),
      onStored: (input) => mailbox.stored(input),
    })
    await Promise.all([mailbox.run(receiver, signal), rereader.run(receiver, signal)])
  }

  override status(): ChannelStatus {
    const status = super.status()
    return status.state === 'connected' && this.#sending ? { ...status, ...this.#sending } : status
  }

  protected account(): string {
    return this.#own
  }

  split(text: string): readonly string[] {
    return splitAnswer(text)
  }

  typing(): void {}

  #reportSending(trouble: SmtpTrouble | null): void {
    if (trouble?.problem === this.#sending?.problem) return
    this.#sending = trouble && { ...trouble, since: this.clock.now() }
    if (trouble) this.log.warn({ channel: this.channel }, trouble.problem)
    this.statusChanged()
  }
}
