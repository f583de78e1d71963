import type { Receiver } from '../../conversation/receiver.ts'
import type { SendChannel, SendOptions } from '../../inbox/delivery/send-channel.ts'
import type { ChannelInputs } from '../../inbox/parked-inputs.ts'
import type { Clock } from '../../support/clock.ts'
import type { Log } from '../../support/log.ts'
import type { Channel, ChannelStatus } from '../channel.ts'
import { Quotes } from './send/quotes.ts'

/** What every push channel is made with. */
export interface PushChannelOptions {
  readonly clock: Clock
  readonly log: Log
  readonly inputs: ChannelInputs
  readonly onStatus?: (status: ChannelStatus) => void
  readonly random?: () => number
}

/** Sends and edits messages, as `SendChannel` says. */
export type MessageSender = Pick<SendChannel, 'send' | 'edit'>

/**
 * A channel to which answers are sent: it receives in one run from `start` to `stop`, and says how that
 * goes. How a platform is received from, and how it is written to, is its own.
 */
export abstract class PushChannel implements Channel {
  abstract readonly channel: string
  readonly push = true
  abstract readonly draftIntervalMs: number | null
  protected readonly clock: Clock
  protected readonly log: Log
  protected readonly random: () => number
  /** Whether every answer must name what it answers, also in a private chat. */
  protected readonly alwaysQuotes: boolean = false
  readonly #quotes: Quotes
  readonly #onStatus: ((status: ChannelStatus) => void) | undefined
  #stopping = new AbortController()
  #running: Promise<unknown> | null = null
  #state: Pick<ChannelStatus, 'state' | 'problem' | 'since'>

  constructor(options: PushChannelOptions) {
    this.clock = options.clock
    this.log = options.log
    this.random = options.random ?? Math.random
    this.#quotes = new Quotes(options.clock)
    this.#onStatus = options.onStatus
    this.#state = { state: 'stopped', problem: null, since: options.clock.now() }
  }

  protected abstract readonly sender: MessageSender

  /** Receives until `signal` is aborted; what is being stored then is still committed. Never rejects. */
  protected abstract run(receiver: Receiver, signal: AbortSignal): Promise<unknown>

  /** How the bot is called there; null = not known yet. */
  protected abstract account(): string | null

  abstract split(text: string): readonly string[]

  abstract typing(address: string): void

  async start(receiver: Receiver): Promise<void> {
    if (this.#running) return
    this.#stopping = new AbortController()
    this.report({ state: 'starting', problem: null })
    this.#quotes.clear()
    this.#running = this.run(this.#quotes.observe(receiver), this.#stopping.signal)
  }

  async stop(): Promise<void> {
    this.#stopping.abort(new Error('the channel is stopping'))
    await this.#running
    this.#running = null
    this.report({ state: 'stopped', problem: null })
  }

  status(): ChannelStatus {
    return { channel: this.channel, ...this.#state, account: this.account() }
  }

  async send(address: string, part: string, options: SendOptions): Promise<string> {
    const replyTo = this.alwaysQuotes ? options.replyTo : this.#quotes.of(address, options.replyTo)
    const platformId = await this.sender.send(address, part, { ...options, replyTo })
    this.#quotes.sent(address, platformId)
    return platformId
  }

  edit(...message: Parameters<MessageSender['edit']>): Promise<void> {
    return this.sender.edit(...message)
  }

  /** Aborted when the channel stops. */
  protected get signal(): AbortSignal {
    return this.#stopping.signal
  }

  protected report({ state, problem }: Pick<ChannelStatus, 'state' | 'problem'>): void {
    if (state === this.#state.state && problem === this.#state.problem) return
    this.#state = { state, problem, since: this.clock.now() }
    this.statusChanged()
  }

  /** To be called when another part of the status has changed. */
  protected statusChanged(): void {
    this.#onStatus?.(this.status())
  }
}
