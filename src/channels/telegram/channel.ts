import type { Update } from 'grammy/types'
import type { Delivered, Receiver } from '../../conversation/receiver.ts'
import type { Clock } from '../../support/clock.ts'
import { SECOND } from '../../support/clock.ts'
import { messageOf } from '../../support/errors.ts'
import type { Log } from '../../support/log.ts'
import type { Secret } from '../../support/secret.ts'
import type { Channel, ChannelStatus } from '../channel.ts'
import type { IntakeStatus } from '../kit/intake-loop.ts'
import { TypingPace } from '../kit/typing.ts'
import { parseAddress } from './address.ts'
import { TelegramClient } from './api/client.ts'
import { Identity } from './api/identity.ts'
import { joinAlbums, type Piece } from './intake/album.ts'
import { createFileLoader, type FileLoader } from './intake/attachments.ts'
import { Poller } from './intake/poller.ts'
import { isFromGroup, mapUpdate } from './intake/receive.ts'
import { Pacing, type PacingLimits } from './send/pacing.ts'
import { Sender } from './send/send.ts'
import { splitMarkdown } from './send/split.ts'

/** What the official server suggests for long polling, and proxies bear. */
const DEFAULT_POLL_SECONDS = 30
/** A little slower than the one message a second that a chat may get; groups are slowed further by the pacing. */
const DRAFT_INTERVAL_MS = 1_200
/** Telegram shows the indicator for 5 s; asked for more often, it is left out. */
const TYPING_INTERVAL_MS = 3 * SECOND

export interface TelegramOptions {
  readonly token: Secret
  /** Such as `https://api.telegram.org`. */
  readonly apiRoot: string
  readonly clock: Clock
  readonly log: Log
  /** A cursor of this channel as it was stored last; null = none yet. @throws StoreError */
  readonly readCursor: (name: string) => Promise<string | null>
  /** How long the server may keep an empty answer back, in seconds. */
  readonly pollSeconds?: number
  readonly pacing?: PacingLimits
  readonly onStatus?: (status: ChannelStatus) => void
  readonly random?: () => number
  readonly fetch?: typeof fetch
}

/** The channel `telegram`: long polling in, paced messages out. */
export function createTelegramChannel(options: TelegramOptions): Channel {
  return new TelegramChannel(options)
}

class TelegramChannel implements Channel {
  readonly channel = 'telegram'
  readonly push = true
  readonly draftIntervalMs = DRAFT_INTERVAL_MS
  readonly #options: TelegramOptions
  readonly #client: TelegramClient
  readonly #pacing: Pacing
  readonly #sender: Sender
  readonly #identity: Identity
  readonly #poller: Poller
  readonly #load: FileLoader
  readonly #typing: TypingPace
  #stopping = new AbortController()
  #running: Promise<unknown> | null = null
  #state: Omit<ChannelStatus, 'channel' | 'account'>

  constructor(options: TelegramOptions) {
    const { clock, log, token, random = Math.random } = options
    this.#options = options
    this.#client = new TelegramClient(options)
    this.#pacing = new Pacing(clock, options.pacing)
    this.#typing = new TypingPace(clock, TYPING_INTERVAL_MS)
    this.#sender = new Sender(this.#client, this.#pacing)
    const common = { client: this.#client, clock, log, random }
    this.#identity = new Identity({ ...common, token })
    this.#load = createFileLoader({ ...common, signal: () => this.#stopping.signal })
    this.#poller = new Poller({
      ...common,
      waitSeconds: options.pollSeconds ?? DEFAULT_POLL_SECONDS,
      readCursor: options.readCursor,
      map: (updates) => this.#mapAll(updates),
      onStatus: (status) => this.#report(status),
    })
    this.#state = { state: 'stopped', problem: null, since: clock.now() }
  }

  async start(receiver: Receiver): Promise<void> {
    if (this.#running) return
    this.#stopping = new AbortController()
    const { signal } = this.#stopping
    this.#report({ state: 'starting', problem: null })
    this.#running = Promise.all([this.#identity.learn(signal), this.#poller.run(receiver, signal)])
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#running
    this.#running = null
    this.#report({ state: 'stopped', problem: null })
  }

  status(): ChannelStatus {
    const { username } = this.#identity.bot
    return { channel: this.channel, ...this.#state, account: username === null ? null : `@${username}` }
  }

  split(text: string): readonly string[] {
    return splitMarkdown(text)
  }

  /** Telegram cannot recognise a repeat, so `key` goes unused. */
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
    const target = parseAddress(address)
    if (!target || !this.#pacing.isOpen(target.chatId) || !this.#typing.take(address)) return
    this.#client.sendTyping(target.chatId, target.threadId, this.#stopping.signal).catch(() => {})
  }

  async remove(address: string, platformId: string): Promise<boolean> {
    const target = parseAddress(address)
    if (!target) return false
    try {
      await this.#client.deleteMessage(target.chatId, Number(platformId), new AbortController().signal)
      return true
    } catch (error) {
      this.#options.log.debug({ channel: this.channel }, messageOf(error))
      return false
    }
  }

  async #mapAll(updates: readonly Update[]): Promise<readonly Delivered[]> {
    const batch: Piece[] = []
    for (const update of updates) {
      const album = update.message?.media_group_id ?? null
      for (const item of await this.#map(update)) batch.push({ item, album })
    }
    return joinAlbums(batch)
  }

  async #map(update: Update): Promise<readonly Delivered[]> {
    const { log } = this.#options
    try {
      if (isFromGroup(update)) await this.#identity.settled(this.#stopping.signal)
      return mapUpdate(update, {
        bot: this.#identity.bot,
        load: this.#load,
        note: (text) => log.info({ channel: this.channel, updateId: update.update_id }, text),
      })
    } catch (error) {
      log.warn(
        { channel: this.channel, updateId: update.update_id },
        `an update of an unknown shape was passed over: ${messageOf(error)}`,
      )
      return []
    }
  }

  #report(status: IntakeStatus | { readonly state: 'starting' | 'stopped'; readonly problem: null }): void {
    const { state, problem } = this.#state
    if (state === status.state && problem === status.problem) return
    this.#state = { state: status.state, problem: status.problem, since: this.#options.clock.now() }
    this.#options.onStatus?.(this.status())
  }
}
