import { Moved, Undeliverable } from '../../../inbox/delivery/outlet.ts'
import { MINUTE, SECOND } from '../../../support/clock.ts'
import { TransientError } from '../../../support/errors.ts'
import { formatAddress, isGroup, parseAddress, type Target } from '../address.ts'
import type { TelegramClient } from '../api/client.ts'
import { TelegramFailure } from '../api/failure.ts'
import { toPlainText, toTelegramHtml, visibleLength } from './format.ts'
import type { Pacing } from './pacing.ts'
import { firstPart, MAX_MESSAGE_UNITS } from './split.ts'

/** A wrong token is mended by the operator, not by asking often. */
const TOKEN_RETRY_MS = MINUTE
/** Messages whose shown text is remembered, so that a draft that has not changed costs no request. */
const REMEMBERED_TEXTS = 500

/** A finished text waits for a draft on its way, so that must not take long. */
const DRAFT_TIMEOUT_MS = 5 * SECOND

const NEVER = new AbortController().signal
const NO_PREVIEW = { is_disabled: true } as const

/** What a message says, in the two forms in which it can be sent. */
interface Wording {
  readonly html: string | null
  readonly plain: string
}

/** Sends and edits messages. Failures are those of `Outlet`. */
export class Sender {
  readonly #client: TelegramClient
  readonly #pacing: Pacing
  /** What a message reads, by address and id. */
  readonly #shown = new Map<string, string>()
  /** Drafts on their way, by address and id. */
  readonly #drafts = new Map<string, Promise<void>>()

  constructor(client: TelegramClient, pacing: Pacing) {
    this.#client = client
    this.#pacing = pacing
  }

  /** @returns the id of the new message; see `Outlet.send` */
  async send(
    address: string,
    part: string,
    options: { readonly replyTo: string | null; readonly signal: AbortSignal },
  ): Promise<string> {
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
    const message = await this.#wordings(target, part, (text, mode) =>
      this.#client.sendMessage({ ...common, text, ...mode }, signal),
    )
    const id = String(message.message_id)
    this.#remember(`${address} ${id}`, part)
    return id
  }

  /** See `Outlet.edit`. A draft that would come too early is left out: a later one shows more. */
  async edit(
    address: string,
    platformId: string,
    part: string,
    options: { readonly final: boolean; readonly signal: AbortSignal },
  ): Promise<void> {
    const { final, signal } = options
    const target = targetOf(address)
    const key = `${address} ${platformId}`
    const text = final ? part : firstPart(part)
    // Telegram may do two requests in either order: the finished text must be the last one.
    await this.#drafts.get(key)
    if (this.#shown.get(key) === text) return
    if (final) {
      await this.#pacing.turn(target.chatId, signal)
      return this.#show(target, key, platformId, text, signal)
    }
    if (!this.#pacing.tryDraft(target.chatId)) return
    const showing = this.#show(target, key, platformId, text, NEVER, DRAFT_TIMEOUT_MS)
    const done = showing.then(ignore, ignore).finally(() => this.#drafts.delete(key))
    this.#drafts.set(key, done)
    await untilAborted(showing, signal).catch((error: unknown) => {
      // The chat is left alone for as long as Telegram asked; the draft was only a courtesy.
      if (!(error instanceof TransientError) || error.reason !== 'rate-limited') throw error
    })
  }

  async #show(
    target: Target,
    key: string,
    platformId: string,
    text: string,
    signal: AbortSignal,
    timeoutMs?: number,
  ): Promise<void> {
    const common = {
      chat_id: target.chatId,
      message_id: Number(platformId),
      link_preview_options: NO_PREVIEW,
    }
    // Until the answer comes nobody knows what the message reads.
    this.#shown.delete(key)
    await this.#wordings(target, text, (wording, mode) =>
      this.#client
        .editMessageText({ ...common, text: wording, ...mode }, signal, timeoutMs)
        .catch(unlessUnchanged),
    )
    this.#remember(key, text)
  }

  /** Formatted, or plain where Telegram does not like the formatting. */
  async #wordings<T>(
    target: Target,
    part: string,
    call: (text: string, mode: { parse_mode?: 'HTML' }) => Promise<T>,
  ): Promise<T> {
    const { html, plain } = wordingOf(part, isGroup(target.chatId))
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
      throw this.#translated(error, target)
    }
  }

  #translated(error: unknown, target: Target): unknown {
    if (!(error instanceof TelegramFailure)) return error
    switch (error.kind) {
      case 'migrated':
        return new Moved(formatAddress(error.migratedTo ?? target.chatId, null))
      case 'forbidden':
      case 'gone':
      case 'rejected':
        return new Undeliverable(error.message)
      case 'rate-limited':
        this.#pacing.block(target.chatId, error.retryAfterMs ?? 0)
        return new TransientError(error.message, error.retryAfterMs, 'rate-limited')
      case 'token':
        return new TransientError(error.message, TOKEN_RETRY_MS, 'token')
      default:
        return new TransientError(error.message, null, 'network')
    }
  }

  #remember(key: string, text: string): void {
    this.#shown.set(key, text)
    if (this.#shown.size > REMEMBERED_TEXTS) this.#shown.delete(this.#shown.keys().next().value!)
  }
}

function ignore(): void {}

/** `promise`, or the signal's reason as soon as it is aborted; what was begun goes on. */
function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason)
    if (signal.aborted) onAbort()
    signal.addEventListener('abort', onAbort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}

/** The message reads so already: an earlier try got through. */
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
