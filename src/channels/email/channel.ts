import type { MailServer } from '../../config/mail-server.ts'
import type { Receiver } from '../../conversation/receiver.ts'
import { Undeliverable } from '../../inbox/delivery/outlet.ts'
import type { Clock } from '../../support/clock.ts'
import type { Log } from '../../support/log.ts'
import type { Secret } from '../../support/secret.ts'
import type { Channel, ChannelStatus } from '../channel.ts'
import { Intake } from './intake/intake.ts'
import type { MailAddress } from './mail-address.ts'
import { Mailbox, type Answered } from './mailbox/mailbox.ts'
import { composeAnswer } from './send/compose.ts'
import { Post, type PostTrouble } from './send/post.ts'
import { splitAnswer } from './send/split.ts'
import { parseTarget, type MessageId } from './send/thread.ts'

/** Mails of which the answer's subject is remembered; of others it is looked up in the mailbox. */
const REMEMBERED_MAILS = 1_000

const NO_AUTHSERV_ID =
  'channels.email.authserv_id is not set: no sender can be proved, so nobody’s mail is taken (docs/email.md says how to find it)'

export interface EmailOptions {
  /** The gateway's mail address. */
  readonly address: string
  /** The account's name at both servers. */
  readonly username: string
  readonly password: Secret
  readonly imap: MailServer
  readonly smtp: MailServer
  /** The folder that is read. */
  readonly mailbox: string
  /** The server whose verdict on senders is believed; null = none, and nothing is received. */
  readonly authservId: string | null
  /** May whoever proves to have this address write? It is in lower case. */
  readonly mayWrite: (from: string) => boolean
  readonly clock: Clock
  readonly log: Log
  /** A cursor of this channel as it was stored last; null = none yet. @throws StoreError */
  readonly readCursor: (name: string) => Promise<string | null>
  /** The longest silence before the IMAP server has to show that it is still there, in milliseconds. */
  readonly idleMs?: number
  /** How long it may leave a short command unanswered, in milliseconds. */
  readonly answerMs?: number
  /** Answers to one correspondent within an hour, before it counts as a loop. */
  readonly mailsPerHour: number
  readonly onStatus?: (status: ChannelStatus) => void
  readonly random?: () => number
}

/** The channel `email`: a folder read over IMAP, answers sent over SMTP. */
export function createEmailChannel(options: EmailOptions): Channel {
  return new EmailChannel(options)
}

class EmailChannel implements Channel {
  readonly channel = 'email'
  readonly push = true
  /** A mail cannot be changed once it was sent. */
  readonly draftIntervalMs = null
  readonly #options: EmailOptions
  readonly #own: MailAddress
  readonly #mailbox: Mailbox | null
  readonly #post: Post
  readonly #answered = new Map<MessageId, Answered>()
  /** The last mail of a thread, by the thread's address: a notice answers none, and still belongs there. */
  readonly #latest = new Map<string, MessageId>()
  #stopping = new AbortController()
  #running: Promise<void> | null = null
  #state: Omit<ChannelStatus, 'channel' | 'account'>
  /** Of the sending side; the status shows it while receiving is well. */
  #sending: (PostTrouble & { readonly since: number }) | null = null

  constructor(options: EmailOptions) {
    const { clock, log, authservId, username, password, random = Math.random } = options
    this.#options = options
    this.#own = options.address.toLowerCase()
    this.#post = new Post({
      server: options.smtp,
      username,
      password,
      onTrouble: (trouble) => this.#reportSending(trouble),
    })
    this.#mailbox = authservId === null ? null : this.#reader(authservId, random)
    this.#state = { state: 'stopped', problem: null, since: clock.now() }
    if (authservId === null) log.warn({ channel: this.channel }, NO_AUTHSERV_ID)
  }

  #reader(authservId: string, random: () => number): Mailbox {
    const { imap, username, password, mailbox, clock, log, readCursor, mayWrite } = this.#options
    const { idleMs, answerMs, mailsPerHour } = this.#options
    const intake = new Intake({
      address: this.#own,
      authservId,
      mayWrite,
      log,
      remember: (address, id, answered) => {
        this.#remember(id, answered)
        this.#latest.delete(address)
        this.#latest.set(address, id)
        if (this.#latest.size > REMEMBERED_MAILS) this.#latest.delete(this.#latest.keys().next().value!)
      },
      mailsPerHour,
    })
    return new Mailbox({
      server: imap,
      username,
      password,
      mailbox,
      clock,
      log,
      random,
      readCursor,
      read: (mail) => intake.read(mail),
      onStatus: ({ state, problem }) => this.#report(state, problem),
      ...(idleMs === undefined ? {} : { idleMs }),
      ...(answerMs === undefined ? {} : { answerMs }),
    })
  }

  async start(receiver: Receiver): Promise<void> {
    if (this.#running) return
    if (!this.#mailbox) return this.#report('failed', NO_AUTHSERV_ID)
    this.#stopping = new AbortController()
    this.#report('starting', null)
    this.#running = this.#mailbox.run(receiver, this.#stopping.signal)
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#running
    this.#running = null
    this.#report('stopped', null)
  }

  status(): ChannelStatus {
    const shown = this.#state.state === 'connected' && this.#sending ? this.#sending : this.#state
    const { state, problem, since } = shown
    return { channel: this.channel, state, problem, since, account: this.#own }
  }

  split(text: string): readonly string[] {
    return splitAnswer(text)
  }

  async send(
    address: string,
    part: string,
    options: { readonly replyTo: string | null; readonly key: string; readonly signal: AbortSignal },
  ): Promise<string> {
    const { key, signal } = options
    const replyTo = options.replyTo ?? this.#latest.get(address) ?? null
    const target = parseTarget(address)
    if (!target) throw new Undeliverable('not a mail address')
    const answered = replyTo === null ? null : await this.#find(replyTo)
    const mail = composeAnswer({ from: this.#own, target, text: part, key, replyTo, answered })
    await this.#post.send(mail, signal)
    return mail.messageId
  }

  async edit(): Promise<void> {
    throw new Undeliverable('a mail cannot be changed once it was sent')
  }

  typing(): void {}

  async #find(id: MessageId): Promise<Answered | null> {
    const known = this.#answered.get(id)
    if (known) return known
    const found = (await this.#mailbox?.find(id)) ?? null
    if (found) this.#remember(id, found)
    return found
  }

  #remember(id: MessageId, answered: Answered): void {
    this.#answered.delete(id)
    this.#answered.set(id, answered)
    if (this.#answered.size > REMEMBERED_MAILS) this.#answered.delete(this.#answered.keys().next().value!)
  }

  #reportSending(trouble: PostTrouble | null): void {
    if (trouble?.problem === this.#sending?.problem) return
    const { clock, log, onStatus } = this.#options
    this.#sending = trouble && { ...trouble, since: clock.now() }
    if (trouble) log.warn({ channel: this.channel }, trouble.problem)
    onStatus?.(this.status())
  }

  #report(state: ChannelStatus['state'], problem: string | null): void {
    if (state === this.#state.state && problem === this.#state.problem) return
    this.#state = { state, problem, since: this.#options.clock.now() }
    this.#options.onStatus?.(this.status())
  }
}
