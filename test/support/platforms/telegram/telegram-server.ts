import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { BotChats, failed, ok, type BotMessage, type Payload } from './telegram-chats.ts'

/**
 * A Bot API server on loopback, after the published protocol: long polling with confirmation by
 * the offset, one poller at a time, messages with parsed entities and the real limits. It keeps
 * all that was sent, and can be told to fail.
 */

export type ServerFault =
  /** A Bot API error. */
  | {
      readonly kind: 'error'
      readonly code: number
      readonly description: string
      readonly parameters?: object
    }
  /** Nothing is ever answered. */
  | { readonly kind: 'hang' }
  /** The connection is cut without an answer; `after`: what was asked has been done. */
  | { readonly kind: 'drop'; readonly after?: boolean }
  /** A body that is no Bot API answer. */
  | {
      readonly kind: 'body'
      readonly status: number
      readonly body: string
      readonly headers?: Record<string, string>
    }

export const tooManyRequests = (seconds: number): ServerFault => ({
  kind: 'error',
  code: 429,
  description: `Too Many Requests: retry after ${seconds}`,
  parameters: { retry_after: seconds },
})

export const badGateway: ServerFault = { kind: 'body', status: 502, body: '<html>Bad Gateway</html>' }

export interface ServerCall {
  readonly method: string
  readonly payload: Payload
  /** performance.now() */
  readonly at: number
}

export interface SayOptions {
  /** The chat is a group unless its id is positive. */
  readonly from?: { readonly id: number; readonly first_name?: string; readonly is_bot?: boolean }
  /** Merged into the message as the Bot API would write it. */
  readonly message?: Record<string, unknown>
  readonly threadId?: number
}

interface Poll {
  readonly limit: number
  readonly finish: (body: object, status?: number) => void
}

const BOT = { id: 4242, is_bot: true, first_name: 'Hermes', username: 'hermes_test_bot' }
/** TDLib's queue takes an offset further ahead than this for one of another life, and begins at its head. */
const FUTURE_OFFSET = 10

export class TelegramServer {
  static readonly token = `${BOT.id}:TEST_bot_token_of_the_stand_in_0123456789`
  readonly bot = BOT
  readonly calls: ServerCall[] = []
  /** What the bot has sent, and who lets it. */
  readonly chats = new BotChats()
  /** Requests for anything that is no call of the Bot API. */
  readonly strayRequests: string[] = []
  /** Set to answer every poll with 409, as the service does. */
  webhookUrl = ''
  /** Calls of these methods are done only after the promise. */
  readonly delays = new Map<string, Promise<void>>()
  readonly #server: Server
  readonly #files = new Map<string, { bytes: Uint8Array; path: string }>()
  readonly #faults: Array<{ method: string; fault: ServerFault; times: number }> = []
  #updates: Array<{ update_id: number; [kind: string]: unknown }> = []
  #nextUpdateId = 1_000
  #poll: Poll | null = null
  #confirmed = 0
  #fileCount = 0

  private constructor() {
    this.#server = createServer((request, response) => void this.#handle(request, response))
  }

  static async start(): Promise<TelegramServer> {
    const server = new TelegramServer()
    server.#server.listen(0, '127.0.0.1')
    await once(server.#server, 'listening')
    return server
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }

  get apiRoot(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** Every update below this has been confirmed. */
  get confirmed(): number {
    return this.#confirmed
  }

  /** Updates that were not confirmed. */
  get unconfirmed(): number {
    return this.#updates.length
  }

  /** A person writes; the bot will get it as an update. @returns the message's id */
  say(chatId: number, text: string | null, options: SayOptions = {}): number {
    const messageId = this.chats.nextMessageId(chatId)
    this.push('message', this.message(chatId, messageId, text, options))
    return messageId
  }

  /** A person changes a message. */
  change(chatId: number, messageId: number, text: string, options: SayOptions = {}): void {
    this.push('edited_message', {
      ...this.message(chatId, messageId, text, options),
      edit_date: 1_760_000_001,
    })
  }

  message(chatId: number, messageId: number, text: string | null, options: SayOptions = {}): object {
    const chat =
      chatId > 0 ? { type: 'private', first_name: 'Ada' } : { type: 'supergroup', title: 'A group' }
    return {
      message_id: messageId,
      date: 1_760_000_000,
      chat: { id: chatId, ...chat },
      from: { is_bot: false, first_name: 'Ada', id: chatId > 0 ? chatId : 77, ...options.from },
      ...(options.threadId === undefined
        ? {}
        : { message_thread_id: options.threadId, is_topic_message: true }),
      ...(text === null ? {} : { text, ...entitiesOf(text) }),
      ...options.message,
    }
  }

  /** Any update, also a malformed one. @returns its id */
  push(kind: string, content: unknown, updateId = this.#nextUpdateId++): number {
    this.#updates.push({ update_id: updateId, [kind]: content })
    this.#updates.sort((a, b) => a.update_id - b.update_id)
    this.#answerPoll()
    return updateId
  }

  /** Updates of whatever shape, each with an id of its own. */
  pushRaw(updates: readonly unknown[]): void {
    for (const update of updates) {
      const fields = typeof update === 'object' ? update : { update }
      this.#updates.push({ ...fields, update_id: this.#nextUpdateId++ })
    }
    this.#answerPoll()
  }

  /** From now on updates are numbered from here. */
  restartUpdateIds(at: number): void {
    this.#nextUpdateId = at
  }

  /** A file that messages can name. @returns its file_id */
  addFile(bytes: Uint8Array, path = `documents/file_${this.#fileCount}.bin`): string {
    const fileId = `FILE${this.#fileCount++}`
    this.#files.set(fileId, { bytes, path })
    return fileId
  }

  /** The next `times` calls of `method` (`*`: of any) fail. */
  fail(method: string, fault: ServerFault, times = 1): void {
    this.#faults.push({ method, fault, times })
  }

  /** Ends all faults. */
  restore(): void {
    this.#faults.length = 0
  }

  callsOf(method: string): readonly ServerCall[] {
    return this.calls.filter((call) => call.method === method)
  }

  sentTo(chatId: number): readonly BotMessage[] {
    return this.chats.sent.filter((message) => message.chatId === chatId)
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = request.url ?? ''
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const file = /^\/file\/bot([^/]+)\/(.+)$/.exec(url)
    if (file) return this.#serveFile(file[1]!, decodeURIComponent(file[2]!), response)
    const match = /^\/bot([^/]+)\/(\w+)$/.exec(url)
    if (!match) {
      this.strayRequests.push(url)
      return reply(response, 404, notFound)
    }
    const method = match[2]!
    const body = Buffer.concat(chunks).toString()
    const payload = body === '' ? {} : JSON.parse(body)
    this.calls.push({ method, payload, at: performance.now() })
    if (decodeURIComponent(match[1]!) !== TelegramServer.token)
      return reply(response, 401, failed(401, 'Unauthorized'))
    const fault = this.#nextFault(method)
    if (fault) {
      if (fault.kind === 'hang') return
      if (fault.kind === 'drop') {
        if (fault.after) this.#call(method, payload)
        return void request.socket.destroy()
      }
      if (fault.kind === 'body') return void response.writeHead(fault.status, fault.headers).end(fault.body)
      return reply(response, fault.code, {
        ...failed(fault.code, fault.description),
        ...(fault.parameters ? { parameters: fault.parameters } : {}),
      })
    }
    await this.delays.get(method)
    if (method === 'getUpdates') return this.#getUpdates(payload, response)
    const answer = this.#call(method, payload)
    reply(response, 'error_code' in answer ? (answer.error_code as number) : 200, answer)
  }

  #nextFault(method: string): ServerFault | null {
    const index = this.#faults.findIndex((planned) => planned.method === method || planned.method === '*')
    const planned = this.#faults[index]
    if (!planned) return null
    planned.times -= 1
    if (planned.times <= 0) this.#faults.splice(index, 1)
    return planned.fault
  }

  #getUpdates(payload: Payload, response: ServerResponse): void {
    if (this.webhookUrl !== '')
      return reply(
        response,
        409,
        failed(
          409,
          "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first",
        ),
      )
    this.#poll?.finish(
      failed(
        409,
        'Conflict: terminated by other getUpdates request; make sure that only one bot instance is running',
      ),
      409,
    )
    const offset = Number(payload.offset ?? 0)
    const tail = this.#updates.at(-1)?.update_id ?? this.#nextUpdateId - 1
    if (offset <= tail + 1 + FUTURE_OFFSET) {
      this.#updates = this.#updates.filter((update) => update.update_id >= offset)
      this.#confirmed = Math.max(this.#confirmed, offset)
    }
    const timer = setTimeout(
      () => poll.finish({ ok: true, result: [] }),
      Number(payload.timeout ?? 0) * 1_000,
    )
    const poll: Poll = {
      limit: Number(payload.limit ?? 100),
      finish: (body, status = 200) => {
        clearTimeout(timer)
        if (this.#poll === poll) this.#poll = null
        reply(response, status, body)
      },
    }
    this.#poll = poll
    response.on('close', () => {
      clearTimeout(timer)
      if (this.#poll === poll) this.#poll = null
    })
    this.#answerPoll()
  }

  #answerPoll(): void {
    if (this.#updates.length === 0 || !this.#poll) return
    this.#poll.finish({ ok: true, result: this.#updates.slice(0, this.#poll.limit) })
  }

  #call(method: string, payload: Payload): Record<string, unknown> {
    switch (method) {
      case 'getMe':
        return ok(BOT)
      case 'getWebhookInfo':
        return ok({ url: this.webhookUrl, has_custom_certificate: false, pending_update_count: 0 })
      case 'deleteWebhook':
        this.webhookUrl = ''
        return ok(true)
      case 'setMyCommands':
        return ok(true)
      case 'sendChatAction':
        return this.chats.refusal(Number(payload.chat_id)) ?? ok(true)
      case 'sendMessage':
        return this.chats.send(payload)
      case 'editMessageText':
        return this.chats.edit(payload)
      case 'setMessageReaction':
        return this.chats.react(payload)
      case 'deleteMessage':
        return ok(true)
      case 'getFile': {
        const file = this.#files.get(payload.file_id ?? '')
        if (!file) return failed(400, 'Bad Request: invalid file_id')
        return ok({
          file_id: payload.file_id,
          file_unique_id: 'u',
          file_path: file.path,
          file_size: file.bytes.length,
        })
      }
      default:
        return failed(404, 'Not Found: method not found')
    }
  }

  #serveFile(token: string, path: string, response: ServerResponse): void {
    this.calls.push({ method: 'download', payload: { path }, at: performance.now() })
    if (decodeURIComponent(token) !== TelegramServer.token)
      return reply(response, 401, failed(401, 'Unauthorized'))
    const fault = this.#nextFault('download')
    if (fault?.kind === 'body') return void response.writeHead(fault.status, fault.headers).end(fault.body)
    if (fault) return void response.destroy()
    const file = [...this.#files.values()].find((known) => known.path === path)
    if (!file) return reply(response, 404, notFound)
    response.writeHead(200, { 'content-type': 'application/octet-stream' }).end(file.bytes)
  }
}

const notFound = failed(404, 'Not Found')

function entitiesOf(text: string): object {
  const entities = [...text.matchAll(/(?<!\w)@\w{3,}/g)].map((match) => ({
    type: 'mention',
    offset: match.index,
    length: match[0].length,
  }))
  const command = /^\/\w+(?:@\w+)?/.exec(text)
  if (command) {
    const own = { type: 'bot_command', offset: 0, length: command[0].length }
    return { entities: [own, ...entities.filter((entity) => entity.offset >= own.length)] }
  }
  return entities.length > 0 ? { entities } : {}
}

function reply(response: ServerResponse, status: number, body: object): void {
  if (response.destroyed) return
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}
