import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { APPLICATION_ID, BOT, DiscordChats, type SayOptions, type StoredMessage } from './discord-chats.ts'
import { DiscordGatewayServer } from './discord-gateway.ts'

/** What goes wrong with a call. */
export type DiscordFault =
  | {
      readonly kind: 'answer'
      readonly status: number
      readonly body: unknown
      readonly headers?: Record<string, string>
    }
  /** Status 200 with this body, word for word. */
  | { readonly kind: 'body'; readonly body: string }
  /** The connection breaks; `after`: what was asked for was done. */
  | { readonly kind: 'drop'; readonly after: boolean }
  | { readonly kind: 'hang' }

export interface DiscordCall {
  readonly method: string
  /** Without the version. */
  readonly path: string
  readonly query: URLSearchParams
  readonly body: Record<string, unknown>
  readonly headers: IncomingMessage['headers']
}

interface Planned {
  readonly match: RegExp
  readonly fault: DiscordFault
  times: number
}

type Answer = readonly [status: number, body: unknown]

export const tooManyRequests = (seconds: number, global = false): DiscordFault => ({
  kind: 'answer',
  status: 429,
  headers: { 'retry-after': String(Math.ceil(seconds)), ...(global ? { 'x-ratelimit-global': 'true' } : {}) },
  body: { message: 'You are being rate limited.', retry_after: seconds, global },
})
export const refusal = (status: number, code: number, message: string): DiscordFault => ({
  kind: 'answer',
  status,
  body: { code, message },
})
const BAD_GATEWAY: DiscordFault = { kind: 'answer', status: 502, body: 'bad gateway' }
const UNTIL_MENDED = 1_000_000
const MAX_CONTENT = 2_000

/** A simulator of Discord: REST API and gateway on loopback, after the published protocol. */
export class DiscordServer implements AsyncDisposable {
  static readonly token = 'TEST-discord.bot-token.for-the-simulator'
  readonly chats = new DiscordChats()
  readonly gateway: DiscordGatewayServer
  readonly calls: DiscordCall[] = []
  readonly files = new Map<string, Uint8Array>()
  /** The commands in the menu. */
  commands: unknown[] = []
  /** Where the gateway is said to be; null: here. */
  gatewayUrl: string | null = null
  /** Bits of the application's flags; the Message Content Intent of a small bot. */
  applicationFlags = 1 << 19
  sessionsLeft = 1_000
  /** How many messages a channel takes in `seconds`; null: any. */
  writeLimit: { readonly count: number; readonly seconds: number } | null = null
  /** Messages whose mentions ring somebody. */
  readonly rang: StoredMessage[] = []
  readonly #server: Server
  readonly #faults: Planned[] = []
  readonly #written = new Map<string, { used: number; until: number }>()

  private constructor() {
    this.gateway = new DiscordGatewayServer({
      token: DiscordServer.token,
      resumeUrl: () => this.#wsUrl,
      ready: () => ({
        ready: {
          v: 10,
          user: BOT,
          application: { id: APPLICATION_ID, flags: this.applicationFlags },
          guilds: [...this.chats.guilds.keys()].map((id) => ({ id, unavailable: true })),
        },
        events: [...this.chats.guilds.keys()].map((id) => ({ t: 'GUILD_CREATE', d: this.chats.told(id) })),
      }),
    })
    this.#server = createServer((request, response) => void this.#handle(request, response))
    this.#server.on('upgrade', (request, socket, head) => this.gateway.upgrade(request, socket, head))
  }

  static async start(): Promise<DiscordServer> {
    const server = new DiscordServer()
    server.#server.listen(0, '127.0.0.1')
    await once(server.#server, 'listening')
    return server
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  get apiRoot(): string {
    return `http://127.0.0.1:${this.port}/api`
  }

  get #wsUrl(): string {
    return this.gatewayUrl ?? `ws://127.0.0.1:${this.port}`
  }

  /** A person writes. @returns the message's id */
  say(channelId: string, text: string, options: SayOptions = {}): string {
    const message = this.chats.write(channelId, text, options)
    this.gateway.dispatch('MESSAGE_CREATE', this.chats.asEvent(message))
    return message.id
  }

  /** A person changes a message. */
  change(channelId: string, id: string, text: string): void {
    const message = this.chats.channels.get(channelId)!.messages.find((known) => known.id === id)!
    message.content = text
    message.edited_timestamp = new Date().toISOString()
    this.gateway.dispatch('MESSAGE_UPDATE', this.chats.asEvent(message))
  }

  /** A person deletes a message. */
  erase(channelId: string, id: string): void {
    const { messages, guildId } = this.chats.channels.get(channelId)!
    messages.splice(
      messages.findIndex((known) => known.id === id),
      1,
    )
    const where = guildId === null ? {} : { guild_id: guildId }
    this.gateway.dispatch('MESSAGE_DELETE', { id, channel_id: channelId, ...where })
  }

  /** Somebody opens a thread below a channel. @returns its id */
  openThread(channelId: string): string {
    const id = this.chats.addThread(channelId)
    this.gateway.dispatch('THREAD_CREATE', { ...this.chats.shown(id), newly_created: true })
    return id
  }

  /** A file that messages can name. @returns its address, as Discord puts it into a message */
  addFile(name: string, bytes: Uint8Array): string {
    this.files.set(name, bytes)
    return `http://127.0.0.1:${this.port}/attachments/${name}`
  }

  /** The next `times` calls whose `METHOD /path` matches fail. */
  fail(match: RegExp, fault: DiscordFault, times = 1): void {
    this.#faults.push({ match, fault, times })
  }

  down(): void {
    this.fail(/./, BAD_GATEWAY, UNTIL_MENDED)
    this.gateway.closed = true
    this.gateway.drop()
  }

  /** Ends all faults. */
  restore(): void {
    this.#faults.length = 0
    this.gateway.closed = false
  }

  callsOf(match: RegExp): readonly DiscordCall[] {
    return this.calls.filter(({ method, path }) => match.test(`${method} ${path}`))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.gateway.stop()
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://simulator')
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const text = Buffer.concat(chunks).toString()
    const call: DiscordCall = {
      method: request.method ?? 'GET',
      path: url.pathname.replace(/^\/api\/v10/, ''),
      query: url.searchParams,
      body: text === '' ? {} : JSON.parse(text),
      headers: request.headers,
    }
    this.calls.push(call)
    const fault = this.#nextFault(`${call.method} ${call.path}`)
    if (fault?.kind === 'hang') return
    if (fault?.kind === 'answer') return reply(response, fault.status, fault.body, fault.headers)
    if (fault?.kind === 'body') {
      return void response.writeHead(200, { 'content-type': 'application/json' }).end(fault.body)
    }
    if (fault?.kind === 'drop') {
      if (fault.after) this.#answer(call)
      return void request.socket.destroy()
    }
    if (call.path.startsWith('/attachments/')) {
      const bytes = this.files.get(call.path.slice('/attachments/'.length))
      return void response.writeHead(bytes ? 200 : 404).end(bytes)
    }
    const open = call.path.startsWith('/interactions/') || call.path.startsWith('/webhooks/')
    if (!open && call.headers.authorization !== `Bot ${DiscordServer.token}`)
      return reply(response, 401, { message: '401: Unauthorized', code: 0 })
    const [status, body] = this.#answer(call)
    reply(response, status, body, this.#limitHeaders(call))
  }

  #nextFault(name: string): DiscordFault | null {
    const index = this.#faults.findIndex(({ match }) => match.test(name))
    const planned = this.#faults[index]
    if (!planned) return null
    planned.times -= 1
    if (planned.times <= 0) this.#faults.splice(index, 1)
    return planned.fault
  }

  #answer(call: DiscordCall): Answer {
    const { method, path, body } = call
    const parts = path.split('/').slice(1)
    if (parts[0] === 'channels') return this.#channel(call, parts)
    switch (`${method} ${path}`) {
      case 'GET /gateway/bot':
        return [
          200,
          {
            url: this.#wsUrl,
            shards: 1,
            session_start_limit: {
              total: 1_000,
              remaining: this.sessionsLeft,
              reset_after: 1_000,
              max_concurrency: 1,
            },
          },
        ]
      case 'GET /users/@me':
        return [200, BOT]
      case 'GET /applications/@me':
        return [200, { id: APPLICATION_ID, name: 'Hermes', flags: this.applicationFlags }]
      case 'POST /users/@me/channels': {
        const id = String(body['recipient_id'])
        if (this.chats.channels.has(id)) return [400, { code: 50_033, message: 'Invalid Recipient(s)' }]
        return [200, { id: this.chats.openPrivate(id), type: 1 }]
      }
      case `GET /applications/${APPLICATION_ID}/commands`:
        return [200, this.commands]
      case `PUT /applications/${APPLICATION_ID}/commands`:
        this.commands = body as unknown as unknown[]
        return [200, this.commands]
    }
    if (parts[0] === 'interactions' || parts[0] === 'webhooks') return [204, null]
    if (method === 'GET' && parts[0] === 'guilds' && parts[2] === 'members') {
      const roles = this.chats.guilds.get(parts[1]!)?.members.get(parts[3]!)
      return roles ? [200, { roles }] : [404, { code: 10_007, message: 'Unknown Member' }]
    }
    if (method === 'GET' && parts[0] === 'guilds' && parts[2] === 'threads')
      return [200, { threads: (this.chats.told(parts[1]!) as { threads: unknown }).threads, members: [] }]
    return [404, { message: '404: Not Found', code: 0 }]
  }

  #channel({ method, query, body }: DiscordCall, parts: readonly string[]): Answer {
    const channel = this.chats.channels.get(parts[1]!)
    if (!channel) return [404, { code: 10_003, message: 'Unknown Channel' }]
    const what = `${method} ${parts[2]}${parts[3] ? '/' : ''}`
    if (method === 'POST' && this.chats.blocked.has(channel.id))
      return [403, { code: 50_007, message: 'Cannot send messages to this user' }]
    if (what === 'GET undefined') return [200, this.chats.shown(channel.id)]
    if (what === 'POST typing') return [204, null]
    if (what === 'GET messages') {
      const after = BigInt(query.get('after') ?? '0')
      const limit = Number(query.get('limit') ?? '50')
      const later = channel.messages.filter(({ id }) => BigInt(id) > after)
      return [200, later.slice(0, limit).toReversed()]
    }
    if (what === 'POST messages') return this.#write(channel.id, body)
    const message = channel.messages.find(({ id }) => id === parts[3])
    if (!message) return [404, { code: 10_008, message: 'Unknown Message' }]
    if (parts[4] === 'reactions') return this.#react(method, channel.id, message.id, parts)
    const own = message.author.id === BOT.id
    if (what === 'PATCH messages/') {
      if (!own) return [403, { code: 50_005, message: 'Cannot edit a message authored by another user' }]
      message.content = String(body['content'])
      return [200, message]
    }
    if (!own && channel.guildId === null)
      return [403, { code: 50_003, message: 'Cannot execute action on a DM channel' }]
    channel.messages.splice(channel.messages.indexOf(message), 1)
    return [204, null]
  }

  #react(method: string, channelId: string, messageId: string, parts: readonly string[]): Answer {
    const emoji = decodeURIComponent(parts[5] ?? '')
    if (parts[6] !== '@me' || (method !== 'PUT' && method !== 'DELETE'))
      return [404, { message: '404: Not Found', code: 0 }]
    if (!/^\p{Emoji_Presentation}$/u.test(emoji)) return [400, { code: 10_014, message: 'Unknown Emoji' }]
    const reactions = this.chats.reactionsTo(messageId)
    if (method === 'DELETE') return reactions.delete(emoji) ? [204, null] : UNKNOWN_REACTION
    if (this.chats.blocked.has(channelId)) return [403, { code: 90_001, message: 'Reaction was blocked' }]
    if (this.chats.withoutReactions.has(channelId))
      return [403, { code: 50_013, message: 'Missing Permissions' }]
    reactions.add(emoji)
    return [204, null]
  }

  #write(channelId: string, body: DiscordCall['body']): Answer {
    const content = String(body['content'] ?? '')
    if (content.trim() === '') return [400, { code: 50_006, message: 'Cannot send an empty message' }]
    if ([...content].length > MAX_CONTENT) return [400, { code: 50_035, message: 'Invalid Form Body' }]
    const nonce = body['nonce'] as string | undefined
    if (nonce !== undefined && nonce.length > 25) return [400, { code: 50_035, message: 'Invalid Form Body' }]
    const before = body['enforce_nonce']
      ? this.chats.sentTo(channelId).find((message) => message.nonce === nonce)
      : undefined
    if (before) return [200, before]
    const message = this.chats.write(channelId, content, {
      author: BOT,
      message: {
        ...(nonce === undefined ? {} : { nonce }),
        flags: body['flags'] ?? 0,
        ...(body['message_reference'] ? { message_reference: body['message_reference'] } : {}),
      },
    })
    const { parse } = (body['allowed_mentions'] ?? { parse: ['everyone', 'users', 'roles'] }) as {
      parse: string[]
    }
    if (parse.length > 0 && /@everyone|@here|<@/.test(content)) this.rang.push(message)
    this.gateway.dispatch('MESSAGE_CREATE', this.chats.asEvent(message))
    return [200, message]
  }

  #limitHeaders({ method, path }: DiscordCall): Record<string, string> {
    const channelId = /^\/channels\/(\d+)\/messages$/.exec(path)?.[1]
    if (!this.writeLimit || method !== 'POST' || channelId === undefined) return {}
    const { count, seconds } = this.writeLimit
    const now = performance.now()
    let window = this.#written.get(channelId)
    if (!window || window.until <= now)
      this.#written.set(channelId, (window = { used: 0, until: now + seconds * 1_000 }))
    window.used++
    return {
      'x-ratelimit-bucket': 'messages',
      'x-ratelimit-limit': String(count),
      'x-ratelimit-remaining': String(Math.max(0, count - window.used)),
      'x-ratelimit-reset-after': String((window.until - now) / 1_000),
    }
  }
}

/** Discord has no other answer for a reaction that is not there. */
const UNKNOWN_REACTION: Answer = [404, { code: 10_014, message: 'Unknown Emoji' }]

function reply(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  if (response.destroyed) return
  if (status === 204) return void response.writeHead(204, headers).end()
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))
}
