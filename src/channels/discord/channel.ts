import type { Receiver } from '../../conversation/receiver.ts'
import type { Cursor } from '../../inbox/arrival.ts'
import { SECOND, type Clock } from '../../support/clock.ts'
import { messageOf } from '../../support/errors.ts'
import type { Log } from '../../support/log.ts'
import type { Secret } from '../../support/secret.ts'
import type { Channel, ChannelStatus } from '../channel.ts'
import type { IntakeStatus } from '../kit/intake-loop.ts'
import { TypingPace } from '../kit/typing.ts'
import { DEFAULT_API_ROOT, DiscordClient } from './api/client.ts'
import { DiscordFailure, MISSING_PERMISSIONS, NOT_IN_PRIVATE_CHAT } from './api/failure.ts'
import { isSnowflake } from './api/snowflake.ts'
import { CommandDesk } from './commands/command-desk.ts'
import { createFileLoader, type FileLoader } from './intake/attachments.ts'
import { Intake, type IntakeRules } from './intake/intake.ts'
import { splitForDiscord } from './send/format.ts'
import { Sender } from './send/send.ts'
import { Gateway } from './socket/gateway.ts'

/** Five edits in five seconds are let through in a channel: a draft leaves room for finished texts. */
const DRAFT_INTERVAL_MS = 1_500
/** Discord shows the indicator for 10 s; asked for more often, it is left out. */
const TYPING_INTERVAL_MS = 8 * SECOND

/**
 * What Discord is asked to tell: servers and their channels, messages in servers and private chats, and
 * (a privileged intent) what stands in them.
 *
 * @see https://discord.com/developers/docs/topics/gateway#gateway-intents
 */
const INTENTS = (1 << 0) | (1 << 9) | (1 << 12) | (1 << 15)

export interface DiscordOptions extends IntakeRules {
  readonly token: Secret
  /** Such as `https://discord.com/api`; null = that. */
  readonly apiRoot: string | null
  readonly clock: Clock
  readonly log: Log
  /** All cursors of this channel as they were stored last. @throws StoreError */
  readonly readCursors: () => Promise<ReadonlyArray<Omit<Cursor, 'channel'>>>
  readonly onStatus?: (status: ChannelStatus) => void
  readonly random?: () => number
  readonly fetch?: typeof fetch
}

/** The channel `discord`: its gateway and each place's history in, messages under a nonce out. */
export function createDiscordChannel(options: DiscordOptions): Channel {
  return new DiscordChannel(options)
}

class DiscordChannel implements Channel {
  readonly channel = 'discord'
  readonly push = true
  readonly draftIntervalMs = DRAFT_INTERVAL_MS
  readonly #options: DiscordOptions
  readonly #random: () => number
  readonly #client: DiscordClient
  readonly #sender: Sender
  readonly #desk: CommandDesk
  readonly #load: FileLoader
  readonly #typing: TypingPace
  #stopping = new AbortController()
  #running: Promise<unknown> | null = null
  #account: string | null = null
  #state: Omit<ChannelStatus, 'channel' | 'account'>

  constructor(options: DiscordOptions) {
    const { clock, log, random = Math.random } = options
    this.#options = options
    this.#random = random
    this.#client = new DiscordClient({ ...options, apiRoot: options.apiRoot ?? DEFAULT_API_ROOT })
    this.#sender = new Sender(this.#client)
    this.#typing = new TypingPace(clock, TYPING_INTERVAL_MS)
    const common = { client: this.#client, clock, log, random }
    this.#desk = new CommandDesk(common)
    this.#load = createFileLoader({ ...common, signal: () => this.#stopping.signal })
    this.#state = { state: 'stopped', problem: null, since: clock.now() }
  }

  async start(receiver: Receiver): Promise<void> {
    if (this.#running) return
    this.#stopping = new AbortController()
    this.#report({ state: 'starting', problem: null })
    this.#running = this.#run(receiver, this.#stopping.signal)
  }

  async stop(): Promise<void> {
    this.#stopping.abort(new Error('the channel is stopping'))
    await this.#running
    this.#running = null
    this.#report({ state: 'stopped', problem: null })
  }

  status(): ChannelStatus {
    return { channel: this.channel, ...this.#state, account: this.#account }
  }

  split(text: string): readonly string[] {
    return splitForDiscord(text)
  }

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

  typing(address: string): void {
    if (!isSnowflake(address) || !this.#client.mayWrite(address) || !this.#typing.take(address)) return
    this.#client.sendTyping(address, this.#stopping.signal).catch(() => {})
  }

  /** In a private chat no bot can delete what a person wrote. */
  async remove(address: string, platformId: string): Promise<boolean | 'never'> {
    if (!isSnowflake(address) || !isSnowflake(platformId)) return 'never'
    try {
      await this.#client.deleteMessage(address, platformId, new AbortController().signal)
      return true
    } catch (error) {
      this.#options.log.debug({ channel: this.channel }, messageOf(error))
      if (!(error instanceof DiscordFailure)) return false
      if (error.kind === 'gone') return true
      return error.code === NOT_IN_PRIVATE_CHAT || error.code === MISSING_PERMISSIONS ? 'never' : false
    }
  }

  async #run(receiver: Receiver, signal: AbortSignal): Promise<void> {
    const { clock, log, token, requireMention, allowedRoles, readCursors } = this.#options
    const common = { client: this.#client, clock, log, random: this.#random }
    const handed = new Handed(receiver)
    const intake = new Intake({
      ...common,
      receiver: handed,
      desk: this.#desk,
      load: this.#load,
      rules: { requireMention, allowedRoles },
      readCursors,
      onBot: (bot) => (this.#account = bot.name),
      signal,
    })
    const gateway = new Gateway({
      ...common,
      token,
      intents: INTENTS,
      onEvent: (event) => {
        if (!signal.aborted) intake.handle(event)
      },
      onStatus: (status) => this.#report(status),
    })
    // Rejects only when stopped.
    await intake.load().then(
      () => gateway.run(signal),
      () => {},
    )
    await handed.done()
  }

  #report(status: IntakeStatus | { readonly state: 'starting' | 'stopped'; readonly problem: null }): void {
    const { state, problem } = this.#state
    if (state === status.state && problem === status.problem) return
    this.#state = { state: status.state, problem: status.problem, since: this.#options.clock.now() }
    this.#options.onStatus?.(this.status())
  }
}

/** Knows what is just being stored, so that a stop can wait for it. */
class Handed implements Receiver {
  readonly #inner: Receiver
  readonly #open = new Set<Promise<unknown>>()

  constructor(inner: Receiver) {
    this.#inner = inner
  }

  receive(...args: Parameters<Receiver['receive']>): ReturnType<Receiver['receive']> {
    const result = this.#inner.receive(...args)
    const done = result.catch(() => {}).finally(() => this.#open.delete(done))
    this.#open.add(done)
    return result
  }

  /** Resolves when nothing is on its way to the store. */
  async done(): Promise<void> {
    while (this.#open.size > 0) await Promise.all(this.#open)
  }
}
