import type { Receiver } from '../../conversation/receiver.ts'
import type { Cursor } from '../../inbox/arrival.ts'
import { SECOND } from '../../support/clock.ts'
import { messageOf } from '../../support/errors.ts'
import type { Secret } from '../../support/secret.ts'
import type { Channel } from '../channel.ts'
import { Rereader } from '../kit/intake/rereader.ts'
import { PushChannel, type PushChannelOptions } from '../kit/push-channel.ts'
import { TypingPace } from '../kit/send/pacer.ts'
import { DEFAULT_API_ROOT, DiscordClient } from './api/client.ts'
import { DiscordFailure, MISSING_PERMISSIONS, NOT_IN_PRIVATE_CHAT } from './api/failure.ts'
import { isSnowflake } from './api/snowflake.ts'
import { InteractionResponder } from './commands/interaction-responder.ts'
import { InFlightReceiver } from './intake/in-flight-receiver.ts'
import { Intake, type IntakeRules } from './intake/intake.ts'
import { createFileLoader, type FileLoader } from './intake/media.ts'
import { splitForDiscord } from './send/format.ts'
import { DiscordReactions } from './send/reactions.ts'
import { Sender } from './send/sender.ts'
import { Gateway } from './socket/gateway.ts'

/** Discord allows five edits in five seconds per channel: drafts leave room for final texts. */
const DRAFT_INTERVAL_MS = 1_500
/** Discord shows the indicator for 10 s; asked for more often, it is left out. */
const TYPING_INTERVAL_MS = 8 * SECOND

/**
 * The events we subscribe to: servers and their channels, messages in servers and private chats, and
 * (a privileged intent) their content.
 *
 * @see https://discord.com/developers/docs/topics/gateway#gateway-intents
 */
const INTENTS = (1 << 0) | (1 << 9) | (1 << 12) | (1 << 15)

export interface DiscordOptions extends PushChannelOptions, IntakeRules {
  readonly token: Secret
  /** Such as `https://discord.com/api`; null = that. */
  readonly apiRoot: string | null
  /** All cursors of this channel as they were stored last. @throws StoreError */
  readonly readCursors: () => Promise<ReadonlyArray<Omit<Cursor, 'channel'>>>
  readonly fetch?: typeof fetch
}

/** The channel `discord`: its gateway and each place's history in, messages under a nonce out. */
export function createDiscordChannel(options: DiscordOptions): Channel {
  return new DiscordChannel(options)
}

class DiscordChannel extends PushChannel {
  readonly channel = 'discord'
  readonly draftIntervalMs = DRAFT_INTERVAL_MS
  protected readonly sender: Sender
  readonly reactions: DiscordReactions
  readonly #options: DiscordOptions
  readonly #client: DiscordClient
  readonly #responder: InteractionResponder
  readonly #load: FileLoader
  readonly #typing: TypingPace
  #account: string | null = null

  constructor(options: DiscordOptions) {
    super(options)
    const { clock, log, random } = this
    this.#options = options
    this.#client = new DiscordClient({ ...options, apiRoot: options.apiRoot ?? DEFAULT_API_ROOT })
    this.sender = new Sender(this.#client)
    this.reactions = new DiscordReactions(this.#client, log)
    this.#typing = new TypingPace(clock, TYPING_INTERVAL_MS)
    const common = { client: this.#client, clock, log, random }
    this.#responder = new InteractionResponder(common)
    this.#load = createFileLoader({ ...common, signal: () => this.signal })
  }

  protected async run(receiver: Receiver, signal: AbortSignal): Promise<void> {
    const { token, requireMention, allowedRoles, overhears, readCursors } = this.#options
    const common = { client: this.#client, clock: this.clock, log: this.log, random: this.random }
    const inFlight = new InFlightReceiver(receiver)
    const intake = new Intake({
      ...common,
      receiver: inFlight,
      responder: this.#responder,
      load: this.#load,
      rules: { requireMention, allowedRoles, overhears },
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
      onStatus: (status) => this.report(status),
    })
    const rereader = new Rereader({
      ...this.#options,
      channel: this.channel,
      read: (input, until) => intake.reread(input, until),
    })
    // Rejects only when stopped.
    const receiving = intake.load().then(
      () => gateway.run(signal),
      () => {},
    )
    await Promise.all([receiving, rereader.run(inFlight, signal)])
    await inFlight.idle()
  }

  protected account(): string | null {
    return this.#account
  }

  split(text: string): readonly string[] {
    return splitForDiscord(text)
  }

  typing(address: string): void {
    if (!isSnowflake(address) || !this.#client.mayWrite(address) || !this.#typing.tryShow(address)) return
    this.#client.sendTyping(address, this.signal).catch(() => {})
  }

  /** In a private chat no bot can delete what a person wrote. */
  async remove(address: string, platformId: string): Promise<boolean | 'never'> {
    if (!isSnowflake(address) || !isSnowflake(platformId)) return 'never'
    try {
      await this.#client.deleteMessage(address, platformId, new AbortController().signal)
      return true
    } catch (error) {
      this.log.debug({ channel: this.channel }, messageOf(error))
      if (!(error instanceof DiscordFailure)) return false
      if (error.kind === 'gone') return true
      return error.code === NOT_IN_PRIVATE_CHAT || error.code === MISSING_PERMISSIONS ? 'never' : false
    }
  }
}
