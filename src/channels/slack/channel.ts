import type { Receiver } from '../../conversation/receiver.ts'
import type { Cursor } from '../../inbox/arrival.ts'
import type { Secret } from '../../support/secret.ts'
import type { Channel, ChannelStatus } from '../channel.ts'
import { Rereader } from '../kit/intake/rereader.ts'
import { PushChannel, type PushChannelOptions } from '../kit/push-channel.ts'
import { SlackClient, type SlackIdentity } from './api/client.ts'
import { Pacing, type PacingLimits } from './api/pacing.ts'
import { scopeProblem } from './api/trouble.ts'
import { withCommandsOf } from './intake/commands.ts'
import { Intake } from './intake/intake.ts'
import { createFileLoader, type FileLoader } from './intake/media.ts'
import { SlackReactions } from './send/reactions.ts'
import { SendLog } from './send/send-log.ts'
import { Sender } from './send/sender.ts'
import { partsOf } from './send/wording.ts'
import { Connection } from './socket/connection.ts'

/** Slack allows some fifty edits a minute in a workspace. */
const DRAFT_INTERVAL_MS = 1_200
/** Matches nobody; nothing is received before Slack has said who the bot is. */
const UNKNOWN: SlackIdentity = { userId: '', botId: null, name: '', team: '', scopes: null }

export interface SlackOptions extends PushChannelOptions {
  readonly botToken: Secret
  readonly appToken: Secret
  /** The root of the Web API; null = Slack's own. */
  readonly apiRoot: string | null
  /** All cursors of this channel as they were stored last. @throws StoreError */
  readonly readCursors: () => Promise<ReadonlyArray<Omit<Cursor, 'channel'>>>
  /** Durable when it resolves. @throws StoreError */
  readonly writeCursor: (name: string, value: string) => Promise<void>
  readonly pacing?: PacingLimits
  readonly fetch?: typeof fetch
}

/** The channel `slack`: Socket Mode in, the Web API out. */
export function createSlackChannel(options: SlackOptions): Channel {
  return new SlackChannel(options)
}

class SlackChannel extends PushChannel {
  readonly channel = 'slack'
  readonly draftIntervalMs = DRAFT_INTERVAL_MS
  /**
   * A late answer says by its first words what it answers: Slack has no replies but threads, and
   * an answer must not leave the conversation's line, so what it replies to goes unused.
   */
  protected readonly sender: Sender
  readonly reactions: SlackReactions
  readonly #options: SlackOptions
  readonly #client: SlackClient
  /** With the app's token. */
  readonly #app: SlackClient
  readonly #load: FileLoader
  #intake: Intake | null = null
  #bot = UNKNOWN
  /** What Slack does not let the app do. */
  #denied: string | null = null

  constructor(options: SlackOptions) {
    super(options)
    const { clock, log, random } = this
    const { botToken, apiRoot } = options
    this.#options = options
    const api = { apiRoot, log, ...(options.fetch ? { fetch: options.fetch } : {}) }
    this.#client = new SlackClient({ ...api, token: botToken })
    this.#app = new SlackClient({ ...api, token: options.appToken })
    const pacing = new Pacing(clock, options.pacing)
    this.reactions = new SlackReactions(this.#client, pacing, log)
    this.sender = new Sender({
      client: this.#client,
      pacing,
      log: new SendLog(options),
      clock,
      join: async (address, ts) => this.#intake?.join(address, ts),
    })
    this.#load = createFileLoader({
      client: this.#client,
      clock,
      log,
      random,
      signal: () => this.signal,
    })
  }

  protected run(receiver: Receiver, signal: AbortSignal): Promise<unknown> {
    const { clock, log, random } = this
    const { readCursors } = this.#options
    const intake = (this.#intake = new Intake({
      client: this.#client,
      receiver,
      clock,
      log,
      random,
      readCursors,
      context: () => ({ bot: this.#bot, load: this.#load }),
      onDenied: (failure) => {
        this.#denied = scopeProblem(failure.needed, 'bot')
        log.warn({ channel: this.channel }, this.#denied)
      },
    }))
    const connection = new Connection(
      {
        clock,
        log,
        random,
        identify: (until) => this.#identify(until),
        app: this.#app,
        botId: () => this.#bot.userId,
        onStatus: (status) => this.report(status),
      },
      intake,
    )
    const rereader = new Rereader({
      ...this.#options,
      channel: this.channel,
      read: (input, until) => intake.reread(input, until),
    })
    return Promise.all([connection.run(signal), rereader.run(intake.receiver, signal)])
  }

  override status(): ChannelStatus {
    const status = super.status()
    return { ...status, problem: status.problem ?? this.#denied }
  }

  protected account(): string | null {
    return this.#bot === UNKNOWN ? null : `@${this.#bot.name}`
  }

  split(text: string): readonly string[] {
    return partsOf(text)
  }

  ownWords(text: string, address: string): string {
    return withCommandsOf(address, text)
  }

  /** Slack shows no bot typing. */
  typing(): void {}

  /** A bot may delete nothing but its own messages, and what is to be removed is always a person's. */
  async remove(): Promise<'never'> {
    return 'never'
  }

  async #identify(signal: AbortSignal): Promise<void> {
    this.#bot = await this.#client.authTest(signal)
  }

  protected override report(status: Pick<ChannelStatus, 'state' | 'problem'>): void {
    if (status.state !== 'connected') this.#denied = null
    super.report(status)
  }
}
