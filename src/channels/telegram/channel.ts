import type { BotCommand, Update } from 'grammy/types'
import { COMMAND_LIST } from '../../conversation/commands.ts'
import type { InboundEvent, Receiver } from '../../conversation/receiver.ts'
import { sleep, type Clock, MINUTE, SECOND } from '../../support/clock.ts'
import { messageOf } from '../../support/errors.ts'
import type { Log } from '../../support/log.ts'
import type { Secret } from '../../support/secret.ts'
import type { Channel } from '../channel.ts'
import { Rereader } from '../kit/intake/rereader.ts'
import { PushChannel, type PushChannelOptions } from '../kit/push-channel.ts'
import { retryUntilStopped } from '../kit/retry.ts'
import { TypingPace } from '../kit/send/pacer.ts'
import { TelegramClient } from './api/client.ts'
import { createFileLoader, type FileLoader } from './intake/media.ts'
import { Poller } from './intake/poller.ts'
import { type BotIdentity, isFromGroup, mapUpdate, outlineUpdate, parseAddress } from './intake/receive.ts'
import { TelegramReactions } from './send/reactions.ts'
import { Pacing, type PacingLimits, Sender, splitMarkdown } from './send/sender.ts'

/** What the official server suggests for long polling, and proxies tolerate. */
const DEFAULT_POLL_SECONDS = 30
/** A little slower than the one message a second that a chat may get; groups are slowed further by the pacing. */
const DRAFT_INTERVAL_MS = 1_200
/** Telegram shows the indicator for 5 s; asked for more often, it is left out. */
const TYPING_INTERVAL_MS = 3 * SECOND

/** For asking who the bot is. */
const RETRY = { initialMs: SECOND, maxMs: 5 * MINUTE }
/** A message in a group waits this long for the bot's name; then only replies to the bot count as meant for it. */
const PATIENCE_MS = 3 * SECOND

/** Everybody sees the menu, and /login is for operators. */
const MENU: readonly BotCommand[] = COMMAND_LIST.filter(({ name }) => name !== 'login').map(
  ({ name, description }) => ({ command: name, description }),
)

export interface TelegramOptions extends PushChannelOptions {
  readonly token: Secret
  /** Such as `https://api.telegram.org`. */
  readonly apiRoot: string
  /** A cursor of this channel as it was stored last; null = none yet. @throws StoreError */
  readonly readCursor: (name: string) => Promise<string | null>
  /** Stores a cursor that comes with nothing. Durable when it resolves. @throws StoreError */
  readonly writeCursor: (name: string, value: string) => Promise<void>
  /** How long the server may keep an empty answer back, in seconds. */
  readonly pollSeconds?: number
  readonly pacing?: PacingLimits
  readonly fetch?: typeof fetch
}

/** The channel `telegram`: long polling in, paced messages out. */
export function createTelegramChannel(options: TelegramOptions): Channel {
  return new TelegramChannel(options)
}

class TelegramChannel extends PushChannel {
  readonly channel = 'telegram'
  readonly draftIntervalMs = DRAFT_INTERVAL_MS
  /** Telegram cannot recognise a repeat, so the key of a part goes unused. */
  protected readonly sender: Sender
  readonly reactions: TelegramReactions
  readonly #client: TelegramClient
  readonly #pacing: Pacing
  readonly #identity: Identity
  readonly #poller: Poller
  readonly #rereader: Rereader
  readonly #load: FileLoader
  readonly #typing: TypingPace

  constructor(options: TelegramOptions) {
    super(options)
    const { clock, log, random } = this
    this.#client = new TelegramClient(options)
    this.#pacing = new Pacing(clock, options.pacing)
    this.#typing = new TypingPace(clock, TYPING_INTERVAL_MS)
    this.sender = new Sender(this.#client, this.#pacing)
    this.reactions = new TelegramReactions(this.#client, this.#pacing, log)
    const common = { client: this.#client, clock, log, random }
    this.#identity = new Identity({ ...common, token: options.token })
    this.#load = createFileLoader({ ...common, signal: () => this.signal })
    this.#poller = new Poller({
      ...common,
      waitSeconds: options.pollSeconds ?? DEFAULT_POLL_SECONDS,
      readCursor: options.readCursor,
      writeCursor: options.writeCursor,
      map: (update) => this.#map(update),
      onStatus: (status) => this.report(status),
    })
    this.#rereader = new Rereader({
      ...common,
      channel: this.channel,
      inputs: options.inputs,
      read: (input) => this.#poller.reread(input),
    })
  }

  protected run(receiver: Receiver, signal: AbortSignal): Promise<unknown> {
    return Promise.all([
      this.#identity.load(signal),
      this.#poller.run(receiver, signal),
      this.#rereader.run(receiver, signal),
    ])
  }

  protected account(): string | null {
    const { username } = this.#identity.bot
    return username === null ? null : `@${username}`
  }

  split(text: string): readonly string[] {
    return splitMarkdown(text)
  }

  typing(address: string): void {
    const target = parseAddress(address)
    if (!target || !this.#pacing.isOpen(target.chatId) || !this.#typing.tryShow(address)) return
    this.#client.sendTyping(target.chatId, target.threadId, this.signal).catch(() => {})
  }

  async remove(address: string, platformId: string): Promise<boolean> {
    const target = parseAddress(address)
    if (!target) return false
    try {
      await this.#client.deleteMessage(target.chatId, Number(platformId), new AbortController().signal)
      return true
    } catch (error) {
      this.log.debug({ channel: this.channel }, messageOf(error))
      return false
    }
  }

  async #map(update: Update): Promise<readonly InboundEvent[]> {
    const about = { channel: this.channel, updateId: update.update_id }
    try {
      if (isFromGroup(update)) await this.#identity.known(this.signal)
      const map = () =>
        mapUpdate(update, {
          bot: this.#identity.bot,
          load: this.#load,
          note: (text) => this.log.info(about, text),
        })
      return outlineUpdate(update, map)
    } catch (error) {
      this.log.warn(about, `an update of an unknown shape was passed over: ${messageOf(error)}`)
      return []
    }
  }
}

interface IdentityOptions {
  readonly client: TelegramClient
  readonly token: Secret
  readonly clock: Clock
  readonly log: Log
  readonly random: () => number
}

/** Learns who the bot is while receiving continues: private chats never wait for it. */
class Identity {
  readonly #options: IdentityOptions
  readonly #known = Promise.withResolvers<void>()
  #bot: BotIdentity

  constructor(options: IdentityOptions) {
    this.#options = options
    // A token begins with the bot's id.
    this.#bot = { id: Number.parseInt(options.token.reveal(), 10), username: null }
  }

  get bot(): BotIdentity {
    return this.#bot
  }

  /** Retries until the platform answers, then sets the commands in its menu. Never rejects. */
  async load(signal: AbortSignal): Promise<void> {
    const { client, clock, log, random } = this.#options
    const onFailure = (error: unknown) => log.debug({ channel: 'telegram' }, messageOf(error))
    try {
      const retrying = { clock, random, signal, backoff: RETRY, onFailure }
      const { id, username } = await retryUntilStopped(() => client.getMe(signal), retrying)
      this.#bot = { id, username: username ?? null }
      this.#known.resolve()
      // Only a convenience: without the menu the commands work as well.
      await client.setMyCommands(MENU, signal)
    } catch (error) {
      if (!signal.aborted) onFailure(error)
    }
  }

  /** Resolves once the name is known, or when waiting longer would hold up the chat. */
  async known(signal: AbortSignal): Promise<void> {
    if (this.#bot.username !== null) return
    const limit = new AbortController()
    const both = AbortSignal.any([signal, limit.signal])
    await Promise.race([this.#known.promise, sleep(this.#options.clock, PATIENCE_MS, both).catch(() => {})])
    limit.abort()
  }
}
