import type {
  ApiMethods,
  BotCommand,
  File,
  Message,
  ReactionTypeEmoji,
  Update,
  UserFromGetMe,
  WebhookInfo,
} from 'grammy/types'
import { Api, GrammyError, HttpError } from 'grammy/web'
import { SECOND, within } from '../../../support/clock.ts'
import { limitAnswers } from '../../../support/limit-body.ts'
import type { Secret } from '../../../support/secret.ts'
import { networkCode, TOO_LARGE } from '../../kit/failure.ts'
import { discard, download, DOWNLOAD_TIMEOUT_MS, MAX_ANSWER_BYTES } from '../../kit/files/download.ts'
import { classifyAnswer, classifyForeign, TelegramFailure, type ErrorAnswer } from './failure.ts'

/** No ordinary call takes this long; after that it counts as failed and can be repeated. */
const CALL_TIMEOUT_MS = 30 * SECOND
/** What a long poll may take beyond the time it was asked to wait. */
const POLL_GRACE_MS = 15 * SECOND

/** Characters of an answer in which its first update names itself. */
const BEGINNING = 256
/** Bot API servers write the id first. Only at the very beginning: further on, people's words may look like it. */
const FIRST_UPDATE =
  /^\s*\{\s*"ok"\s*:\s*true\s*,\s*"result"\s*:\s*\[\s*\{\s*(?:"update_id"\s*:\s*(\d{1,16})\s*,)?/

export interface ClientOptions {
  readonly token: Secret
  /** Such as `https://api.telegram.org`; a trailing slash is removed. */
  readonly apiRoot: string
  /** The global `fetch` unless a test listens; looked up at each call, so that a proxy set later holds. */
  readonly fetch?: typeof fetch
}

/** What the service lets a bot react with. */
export type ReactionEmoji = ReactionTypeEmoji['emoji']
type SendPayload = Parameters<ApiMethods['sendMessage']>[0]
type EditPayload = Parameters<ApiMethods['editMessageText']>[0]
/** grammY's types name the signal of its Node polyfill, which the web build does not use. */
type GrammySignal = Parameters<Api['raw']['getMe']>[0]

/**
 * The calls of the Bot API that this channel makes, over grammY's raw client. Its web
 * build is used because that speaks through the global `fetch` (and so through the
 * configured proxy) and loads in a tenth of the time.
 *
 * Every method throws a TelegramFailure, or the signal's reason when aborted.
 */
export class TelegramClient {
  readonly #api: Api
  readonly #token: Secret
  readonly #root: string
  readonly #fetch: typeof fetch

  constructor(options: ClientOptions) {
    this.#token = options.token
    this.#root = options.apiRoot.replace(/\/+$/, '')
    const inner = options.fetch ?? ((input, init) => fetch(input, init))
    // A Bot API server never redirects; a redirect would carry the token to somebody else.
    this.#fetch = (input, init) => inner(input, { ...init, redirect: 'error' })
    const answers = limitAnswers(this.#fetch, { maxBytes: MAX_ANSWER_BYTES })
    const calls: typeof fetch = async (input, init) => ownAnswer(await answers(input, init))
    this.#api = new Api(options.token.reveal(), { apiRoot: this.#root, fetch: calls as never })
  }

  getMe(signal: AbortSignal): Promise<UserFromGetMe> {
    return this.#call('getMe', signal, (inner) => this.#api.raw.getMe(inner))
  }

  /** @param waitSeconds how long the server keeps an empty answer back; 0 = not at all */
  getUpdates(
    request: {
      readonly offset: number | null
      readonly waitSeconds: number
      /** null: as the last caller set it; the server remembers that. */
      readonly allowed: ReadonlyArray<Exclude<keyof Update, 'update_id'>> | null
      readonly limit?: number
    },
    signal: AbortSignal,
  ): Promise<unknown> {
    const payload = {
      timeout: request.waitSeconds,
      ...(request.allowed === null ? {} : { allowed_updates: request.allowed }),
      ...(request.limit === undefined ? {} : { limit: request.limit }),
      ...(request.offset === null ? {} : { offset: request.offset }),
    }
    const timeoutMs = request.waitSeconds * SECOND + POLL_GRACE_MS
    return this.#call('getUpdates', signal, (inner) => this.#api.raw.getUpdates(payload, inner), timeoutMs)
  }

  /**
   * The id of the next update, of whose answer no more than the beginning is read; null = there is none. Where
   * the answer does not begin with it, it cannot be less than the offset that was asked for.
   */
  async nextUpdateId(offset: number | null, signal: AbortSignal): Promise<number | null> {
    const method = 'getUpdates'
    const run = async (deadline: AbortSignal) => {
      const response = await this.#fetch(`${this.#root}/bot${this.#token.reveal()}/${method}`, {
        method: 'POST',
        signal: deadline,
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ limit: 1, timeout: 0, ...(offset === null ? {} : { offset }) }),
      })
      if (!response.ok) {
        await discard(response)
        throw new TelegramFailure('server', method, `answered ${response.status}`)
      }
      let text = ''
      for await (const chunk of response.body ?? []) {
        text += Buffer.from(chunk).toString('latin1')
        if (text.length >= BEGINNING) break
      }
      const first = FIRST_UPDATE.exec(text.slice(0, BEGINNING))
      const id = Number(first?.[1] ?? Number.NaN)
      return Number.isSafeInteger(id) ? id : first && offset
    }
    return within(CALL_TIMEOUT_MS, signal, run, (error) => translate(method, error))
  }

  getWebhookInfo(signal: AbortSignal): Promise<WebhookInfo> {
    return this.#call('getWebhookInfo', signal, (inner) => this.#api.raw.getWebhookInfo(inner))
  }

  setMyCommands(commands: readonly BotCommand[], signal: AbortSignal): Promise<true> {
    return this.#call('setMyCommands', signal, (inner) => this.#api.raw.setMyCommands({ commands }, inner))
  }

  async sendMessage(payload: SendPayload, signal: AbortSignal): Promise<Message.TextMessage> {
    const method = 'sendMessage'
    const sent = await this.#call(method, signal, (inner) => this.#api.raw.sendMessage(payload, inner))
    if (!Number.isSafeInteger(sent?.message_id))
      throw new TelegramFailure('server', method, 'named no message')
    return sent
  }

  async editMessageText(payload: EditPayload, signal: AbortSignal): Promise<void> {
    await this.#call('editMessageText', signal, (inner) => this.#api.raw.editMessageText(payload, inner))
  }

  async deleteMessage(chatId: number, messageId: number, signal: AbortSignal): Promise<void> {
    const payload = { chat_id: chatId, message_id: messageId }
    await this.#call('deleteMessage', signal, (inner) => this.#api.raw.deleteMessage(payload, inner))
  }

  /** @param emoji null = no reaction */
  async setMessageReaction(
    chatId: number,
    messageId: number,
    emoji: ReactionEmoji | null,
    signal: AbortSignal,
  ): Promise<void> {
    const reaction = emoji === null ? [] : [{ type: 'emoji' as const, emoji }]
    const payload = { chat_id: chatId, message_id: messageId, reaction }
    await this.#call('setMessageReaction', signal, (inner) =>
      this.#api.raw.setMessageReaction(payload, inner),
    )
  }

  async sendTyping(chatId: number, threadId: number | null, signal: AbortSignal): Promise<void> {
    const payload = {
      chat_id: chatId,
      action: 'typing' as const,
      ...(threadId === null ? {} : { message_thread_id: threadId }),
    }
    await this.#call('sendChatAction', signal, (inner) => this.#api.raw.sendChatAction(payload, inner))
  }

  getFile(fileId: string, signal: AbortSignal): Promise<File> {
    return this.#call('getFile', signal, (inner) => this.#api.raw.getFile({ file_id: fileId }, inner))
  }

  /**
   * The bytes of a file that `getFile` named.
   *
   * @returns null when there are more than `maxBytes` of them
   * @see https://core.telegram.org/bots/api#file
   */
  async download(filePath: string, maxBytes: number, signal: AbortSignal): Promise<Uint8Array | null> {
    const segments = filePath.split('/')
    // Such a path would leave the place of this bot's files.
    if (segments.some((segment) => segment === '.' || segment === '..'))
      throw new TelegramFailure('gone', 'download', 'the path of the file is none')
    const path = segments.map(encodeURIComponent).join('/')
    const url = `${this.#root}/file/bot${this.#token.reveal()}/${path}`
    const run = async (deadline: AbortSignal) => {
      const response = await this.#fetch(url, { signal: deadline })
      if (!response.ok || !response.body) {
        await discard(response)
        throw new TelegramFailure('server', 'download', `answered ${response.status}`)
      }
      return download(response.body, maxBytes)
    }
    return within(DOWNLOAD_TIMEOUT_MS, signal, run, (error) => translate('download', error))
  }

  #call<T>(
    method: string,
    signal: AbortSignal,
    call: (signal: GrammySignal) => Promise<T>,
    timeoutMs: number = CALL_TIMEOUT_MS,
  ): Promise<T> {
    const run = (deadline: AbortSignal) => call(deadline as unknown as GrammySignal)
    return within(timeoutMs, signal, run, (error) => translate(method, error))
  }
}

/** The answer of a server that speaks the Bot API. @throws NoBotApi for anybody else's error */
async function ownAnswer(response: Response): Promise<Response> {
  if (response.ok) return response
  const text = await response.text()
  if (!isErrorAnswer(text)) throw new NoBotApi(response.status)
  const { status, headers } = response
  return new Response(text, { status, headers })
}

function isErrorAnswer(text: string): boolean {
  try {
    const body = JSON.parse(text) as Partial<ErrorAnswer> | null
    return typeof body?.error_code === 'number' && typeof body.description === 'string'
  } catch {
    return false
  }
}

/** A proxy, a web server under the wrong address, another program. */
class NoBotApi extends Error {
  readonly status: number

  constructor(status: number) {
    super(`answered ${status}`)
    this.status = status
  }
}

/** Only the code of a network error is kept: the address holds the token. */
function translate(method: string, error: unknown): TelegramFailure {
  if (error instanceof TelegramFailure) return error
  if (error instanceof GrammyError) return classifyAnswer(method, error)
  if (error instanceof HttpError && error.error instanceof NoBotApi)
    return classifyForeign(method, error.error.status)
  const code = networkCode(error)
  const kind = code === TOO_LARGE ? 'too-large' : 'network'
  return new TelegramFailure(kind, method, `no usable answer (${code})`)
}
