import type { Update } from 'grammy/types'
import type { InboundEvent, Receiver } from '../../conversation/receiver.ts'
import { SECOND } from '../../support/clock.ts'
import { messageOf } from '../../support/errors.ts'
import type { Secret } from '../../support/secret.ts'
import type { Channel } from '../channel.ts'
import { PushChannel, type PushChannelOptions } from '../kit/push-channel.ts'
import { TypingPace } from '../kit/send/typing-pace.ts'
import { parseAddress } from './address.ts'
import { TelegramClient } from './api/client.ts'
import { Identity } from './api/identity.ts'
import { joinAlbums, type Piece } from './intake/album.ts'
import { createFileLoader, type FileLoader } from './intake/media.ts'
import { Poller } from './intake/poller.ts'
import { isFromGroup, mapUpdate, outlineUpdate } from './intake/receive.ts'
import { Pacing, type PacingLimits } from './send/pacing.ts'
import { Sender } from './send/sender.ts'
import { splitMarkdown } from './send/split.ts'

/** What the official server suggests for long polling, and proxies tolerate. */
const DEFAULT_POLL_SECONDS = 30
/** A little slower than the one message a second that a chat may get; groups are slowed further by the pacing. */
const DRAFT_INTERVAL_MS = 1_200
/** Telegram shows the indicator for 5 s; asked for more often, it is left out. */
const TYPING_INTERVAL_MS = 3 * SECOND

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
  readonly #client: TelegramClient
  readonly #pacing: Pacing
  readonly #identity: Identity
  readonly #poller: Poller
  readonly #load: FileLoader
  readonly #typing: TypingPace

  constructor(options: TelegramOptions) {
    super(options)
    const { clock, log, random } = this
    this.#client = new TelegramClient(options)
    this.#pacing = new Pacing(clock, options.pacing)
    this.#typing = new TypingPace(clock, TYPING_INTERVAL_MS)
    this.sender = new Sender(this.#client, this.#pacing)
    const common = { client: this.#client, clock, log, random }
    this.#identity = new Identity({ ...common, token: options.token })
    this.#load = createFileLoader({ ...common, signal: () => this.signal })
    this.#poller = new Poller({
      ...common,
      waitSeconds: options.pollSeconds ?? DEFAULT_POLL_SECONDS,
      readCursor: options.readCursor,
      writeCursor: options.writeCursor,
      map: (updates) => this.#mapAll(updates),
      onStatus: (status) => this.report(status),
    })
  }

  protected run(receiver: Receiver, signal: AbortSignal): Promise<unknown> {
    return Promise.all([this.#identity.load(signal), this.#poller.run(receiver, signal)])
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

  async #mapAll(updates: readonly Update[]): Promise<readonly InboundEvent[]> {
    const batch: Piece[] = []
    for (const update of updates) {
      const album = update.message?.media_group_id ?? null
      for (const item of await this.#map(update)) batch.push({ item, album })
    }
    return joinAlbums(batch)
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
