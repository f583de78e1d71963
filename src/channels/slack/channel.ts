import type { Receiver } from '../../conversation/receiver.ts'
import type { Cursor } from '../../inbox/arrival.ts'
import type { Clock } from '../../support/clock.ts'
import type { Log } from '../../support/log.ts'
import type { Secret } from '../../support/secret.ts'
import type { Channel, ChannelStatus } from '../channel.ts'
import type { IntakeStatus } from '../kit/intake-loop.ts'
import { SlackClient, type SlackIdentity } from './api/client.ts'
import { Pacing, type PacingLimits } from './api/pacing.ts'
import { scopeProblem } from './api/trouble.ts'
import { createFileLoader, type FileLoader } from './intake/attachments.ts'
import { withCommandsOf } from './intake/commands.ts'
import { Intake } from './intake/intake.ts'
import { SendLog } from './send/send-log.ts'
import { Sender } from './send/send.ts'
import { partsOf } from './send/wording.ts'
import { Connection } from './socket/connection.ts'
import { Socket } from './socket/socket.ts'

/** Slack takes some fifty edits a minute for all conversations together. */
const DRAFT_INTERVAL_MS = 1_200
/** Nobody is known by it: until Slack has said who the bot is, nothing is received. */
const UNKNOWN: SlackIdentity = { userId: '', botId: null, name: '', team: '', scopes: null }

export interface SlackOptions {
  readonly botToken: Secret
  readonly appToken: Secret
  /** The root of the Web API; null = Slack's own. */
  readonly apiRoot: string | null
  readonly clock: Clock
  readonly log: Log
  /** All cursors of this channel as they were stored last. @throws StoreError */
  readonly readCursors: () => Promise<ReadonlyArray<Omit<Cursor, 'channel'>>>
  /** Durable when it resolves. @throws StoreError */
  readonly writeCursor: (name: string, value: string) => Promise<void>
  readonly pacing?: PacingLimits
  readonly onStatus?: (status: ChannelStatus) => void
  readonly random?: () => number
  readonly fetch?: typeof fetch
}

/** The channel `slack`: Socket Mode in, the Web API out. */
export function createSlackChannel(options: SlackOptions): Channel {
  return new SlackChannel(options)
}

class SlackChannel implements Channel {
  readonly channel = 'slack'
  readonly push = true
  readonly draftIntervalMs = DRAFT_INTERVAL_MS
  readonly #options: SlackOptions
  readonly #client: SlackClient
  /** Speaks with the app's token. */
  readonly #app: SlackClient
  readonly #sender: Sender
  readonly #load: FileLoader
  readonly #random: () => number
  #intake: Intake | null = null
  #bot = UNKNOWN
  #stopping = new AbortController()
  #running: Promise<void> | null = null
  #state: Omit<ChannelStatus, 'channel' | 'account'>
  /** What Slack does not let the app do. */
  #denied: string | null = null

  constructor(options: SlackOptions) {
    const { clock, log, botToken, apiRoot, random = Math.random } = options
    this.#options = options
    this.#random = random
    const api = { apiRoot, log, ...(options.fetch ? { fetch: options.fetch } : {}) }
    this.#client = new SlackClient({ ...api, token: botToken })
    this.#app = new SlackClient({ ...api, token: options.appToken })
    this.#sender = new Sender({
      client: this.#client,
      pacing: new Pacing(clock, options.pacing),
      log: new SendLog(options),
      clock,
      join: async (address, ts) => this.#intake?.join(address, ts),
    })
    this.#load = createFileLoader({
      client: this.#client,
      clock,
      log,
      random,
      signal: () => this.#stopping.signal,
    })
    this.#state = { state: 'stopped', problem: null, since: clock.now() }
  }

  async start(receiver: Receiver): Promise<void> {
    if (this.#running) return
    this.#stopping = new AbortController()
    this.#report({ state: 'starting', problem: null })
    const { clock, log, readCursors } = this.#options
    const random = this.#random
    this.#intake = new Intake({
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
    })
    const connection = new Connection(
      {
        clock,
        log,
        random,
        identify: (signal) => this.#identify(signal),
        open: (handlers, signal) => Socket.open(this.#app, { clock, ...handlers }, signal),
        botId: () => this.#bot.userId,
        onStatus: (status) => this.#report(status),
      },
      this.#intake,
    )
    this.#running = connection.run(this.#stopping.signal)
  }

  async stop(): Promise<void> {
    this.#stopping.abort(new Error('the channel is stopping'))
    await this.#running
    this.#running = null
    this.#report({ state: 'stopped', problem: null })
  }

  status(): ChannelStatus {
    const { state, problem, since } = this.#state
    const account = this.#bot === UNKNOWN ? null : `@${this.#bot.name}`
    return { channel: this.channel, state, problem: problem ?? this.#denied, since, account }
  }

  split(text: string): readonly string[] {
    return partsOf(text)
  }

  ownWords(text: string, address: string): string {
    return withCommandsOf(address, text)
  }

  /**
   * A late answer says by its first words what it answers: Slack has no replies but threads, and
   * an answer must not leave the conversation's line, so `replyTo` goes unused.
   */
  send(
    address: string,
    part: string,
    options: { readonly replyTo: string | null; readonly key: string; readonly signal: AbortSignal },
  ): Promise<string> {
    return this.#sender.send(address, part, options)
  }

  edit(
    address: string,
    platformId: string,
    part: string,
    options: { readonly final: boolean; readonly signal: AbortSignal },
  ): Promise<void> {
    return this.#sender.edit(address, platformId, part, options)
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

  #report(status: IntakeStatus | { readonly state: 'starting' | 'stopped'; readonly problem: null }): void {
    const { state, problem } = this.#state
    if (status.state !== 'connected') this.#denied = null
    if (state === status.state && problem === status.problem) return
    this.#state = { state: status.state, problem: status.problem, since: this.#options.clock.now() }
    this.#options.onStatus?.(this.status())
  }
}
