import { Moved, Undeliverable, type SendOptions } from '../../../inbox/delivery/send-channel.ts'
import type { Clock } from '../../../support/clock.ts'
import { sendErrorOf, type SendMeaning } from '../../kit/failure.ts'
import { MessageEditor } from '../../kit/send/message-editor.ts'
import { Pacer, TokenBucket, type BucketLimits } from '../../kit/send/pacer.ts'
import {
  firstPart as first,
  splitMarkdown as split,
  type MessageRoom,
} from '../../kit/send/split-markdown.ts'
import type { TelegramClient } from '../api/client.ts'
import { TelegramFailure, type FailureKind } from '../api/failure.ts'
import { formatAddress, isGroup, parseAddress, type Target } from '../intake/receive.ts'
import { toPlainText, toTelegramHtml, visibleLength } from './format.ts'

const NO_PREVIEW = { is_disabled: true } as const

const MEANING: SendMeaning<FailureKind> = {
  forbidden: 'undeliverable',
  gone: 'undeliverable',
  rejected: 'undeliverable',
  token: { operator: 'token' },
}

/** What a message says, in the two forms in which it can be sent. */
interface Wording {
  readonly html: string | null
  readonly plain: string
}

/** Sends and edits messages. Failures are those of `SendChannel`. */
export class Sender {
  readonly #client: TelegramClient
  readonly #pacing: Pacing
  readonly #editor = new MessageEditor()

  constructor(client: TelegramClient, pacing: Pacing) {
    this.#client = client
    this.#pacing = pacing
  }

  /** @returns the id of the new message; see `SendChannel.send` */
  async send(address: string, part: string, options: Omit<SendOptions, 'key'>): Promise<string> {
    const { signal } = options
    const target = targetOf(address)
    await this.#pacing.turn(target.chatId, signal)
    const replyTo = Number(options.replyTo ?? Number.NaN)
    const common = {
      chat_id: target.chatId,
      link_preview_options: NO_PREVIEW,
      ...(target.threadId === null ? {} : { message_thread_id: target.threadId }),
      ...(Number.isSafeInteger(replyTo) && replyTo > 0
        ? { reply_parameters: { message_id: replyTo, allow_sending_without_reply: true } }
        : {}),
    }
    const message = await this.#wordings(target.chatId, part, (text, mode) =>
      this.#client.sendMessage({ ...common, text, ...mode }, signal),
    )
    const id = String(message.message_id)
    if (options.isDraft) this.#editor.sent(`${address} ${id}`, part)
    return id
  }

  /** See `SendChannel.edit`. A draft that would come too early is left out: a later one shows more. */
  async edit(
    address: string,
    platformId: string,
    part: string,
    options: { readonly final: boolean; readonly signal: AbortSignal },
  ): Promise<void> {
    const { final, signal } = options
    const { chatId } = targetOf(address)
    const text = final ? part : firstPart(part)
    await this.#editor.edit(`${address} ${platformId}`, text, {
      final,
      signal,
      mayDraft: () => this.#pacing.tryDraft(chatId),
      turn: () => this.#pacing.turn(chatId, signal),
      show: (until) => this.#show(chatId, Number(platformId), text, until),
    })
  }

  async #show(chatId: number, messageId: number, text: string, signal: AbortSignal): Promise<void> {
    const common = { chat_id: chatId, message_id: messageId, link_preview_options: NO_PREVIEW }
    await this.#wordings(chatId, text, (wording, mode) =>
      this.#client.editMessageText({ ...common, text: wording, ...mode }, signal).catch(unlessUnchanged),
    )
  }

  /** Formatted, or plain where Telegram refuses the formatting. */
  async #wordings<T>(
    chatId: number,
    part: string,
    call: (text: string, mode: { parse_mode?: 'HTML' }) => Promise<T>,
  ): Promise<T> {
    const { html, plain } = wordingOf(part, isGroup(chatId))
    try {
      if (html !== null) {
        try {
          return await call(html, { parse_mode: 'HTML' })
        } catch (error) {
          if (!(error instanceof TelegramFailure) || error.kind !== 'rejected') throw error
        }
      }
      return await call(plain, {})
    } catch (error) {
      throw this.#translated(error, chatId)
    }
  }

  #translated(error: unknown, chatId: number): unknown {
    if (!(error instanceof TelegramFailure)) return error
    if (error.kind === 'migrated') return new Moved(formatAddress(error.migratedTo ?? chatId, null))
    if (error.kind === 'rate-limited') this.#pacing.block(chatId, error.retryAfterMs ?? 0)
    return sendErrorOf(error, MEANING)
  }
}

/** The message already has this text: an earlier attempt succeeded. */
function unlessUnchanged(error: unknown): void {
  if (!(error instanceof TelegramFailure) || error.kind !== 'unchanged') throw error
}

/** @throws Undeliverable for what is no address of this channel */
function targetOf(address: string): Target {
  const target = parseAddress(address)
  if (!target) throw new Undeliverable('not an address of Telegram')
  return target
}

/** Markdown that makes no message, or too long a one, is sent as it was written. */
function wordingOf(part: string, group: boolean): Wording {
  const plain = toPlainText(part, { group })
  try {
    const html = toTelegramHtml(part, { group })
    const length = visibleLength(html)
    const fits = length > 0 && length <= MAX_MESSAGE_UNITS && html.replace(/<[^>]*>/g, '').trim() !== ''
    return { html: fits ? html : null, plain }
  } catch {
    // Nesting deeper than the stack: unreadable with or without formatting.
    return { html: null, plain }
  }
}

/** @see https://core.telegram.org/bots/api#sendmessage */
export const MAX_MESSAGE_UNITS = 4_096

/** The messages in which an answer is sent; see the splitter that all platforms share. */
export function splitMarkdown(text: string, limit: number = MAX_MESSAGE_UNITS): readonly string[] {
  return split(text, roomOf(limit))
}

/** The first of the parts, for a draft that shows no more. */
export function firstPart(text: string, limit: number = MAX_MESSAGE_UNITS): string {
  return first(text, roomOf(limit))
}

function roomOf(limit: number): MessageRoom {
  // Only tables grow beyond double; short answers need not be formatted twice.
  const surelyFits = (markdown: string) => markdown.length <= limit / 2 && !markdown.includes('|')
  return {
    limit,
    shownLength: (markdown) => (surelyFits(markdown) ? markdown.length : shownLength(markdown)),
  }
}

/** In whichever way it is sent: formatted, or as written where the formatting is refused. */
function shownLength(markdown: string): number {
  const plain = toPlainText(markdown, { group: true }).length
  try {
    return Math.max(plain, visibleLength(toTelegramHtml(markdown, { group: true })))
  } catch {
    // Nested too deeply to be formatted: it will be sent as written.
    return plain
  }
}

/**
 * Our own rate limits, a little below what Telegram allows, so that its 429 stays rare.
 *
 * @see https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this
 */
export interface PacingLimits {
  /** One message a second to one chat, with short bursts. */
  readonly chat: BucketLimits
  /** Twenty messages a minute to one group. */
  readonly group: BucketLimits
  /** Thirty messages a second over all chats. */
  readonly overall: BucketLimits
}

export const DEFAULT_PACING: PacingLimits = {
  chat: { burst: 20, perSecond: 1 },
  group: { burst: 10, perSecond: 20 / 60 },
  overall: { burst: 30, perSecond: 30 },
}

/** The share of a bucket that drafts leave for finished texts. */
const DRAFT_RESERVE = 0.5
/** Reactions over all chats: a sixth of what the service takes. */
const REACTIONS: BucketLimits = { burst: 5, perSecond: 5 }
/** Reactions do not count as messages to a chat; they wait for a chat in which messages have little room. */
const ROOM_FOR_MESSAGES = 0.25

/** Paces messages: never above the limits, never while Telegram asks us to wait. */
export class Pacing {
  readonly #chats: Pacer<number>
  readonly #overall: TokenBucket
  readonly #reactions: TokenBucket

  constructor(clock: Clock, limits: PacingLimits = DEFAULT_PACING) {
    this.#chats = new Pacer(clock, (chatId) => (isGroup(chatId) ? limits.group : limits.chat))
    this.#overall = new TokenBucket(limits.overall, clock)
    this.#reactions = new TokenBucket(REACTIONS, clock)
  }

  /** Resolves when a message may be sent to the chat. Throws as `shortWait` does. */
  turn(chatId: number, signal: AbortSignal): Promise<void> {
    return this.#chats.turn([this.#chats.bucketOf(chatId), this.#overall], signal)
  }

  /** May a draft be shown now? Never waits, and leaves the better part to finished texts. */
  tryDraft(chatId: number): boolean {
    return this.#chats.tryTurn([this.#chats.bucketOf(chatId), this.#overall], DRAFT_RESERVE)
  }

  /** May a reaction be changed now? Never waits, and comes after drafts. */
  tryReaction(chatId: number): boolean {
    if (this.#chats.bucketOf(chatId).waitMs(ROOM_FOR_MESSAGES) > 0) return false
    if (this.#overall.waitMs(DRAFT_RESERVE) > 0 || this.#reactions.waitMs() > 0) return false
    this.#overall.take()
    this.#reactions.take()
    return true
  }

  /** Is the chat free of a wait that Telegram asked for? */
  isOpen(chatId: number): boolean {
    return this.#chats.bucketOf(chatId).closedMs() === 0
  }

  /** Telegram asked us to leave the chat alone for `ms`. */
  block(chatId: number, ms: number): void {
    this.#chats.bucketOf(chatId).close(ms)
  }
}
