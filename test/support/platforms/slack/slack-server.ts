import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { SlackSockets } from './slack-sockets.ts'
import { ADA, BOT, escaped, SlackWorkspace, type Answer, type SlackRecord } from './slack-workspace.ts'

/**
 * Slack on loopback, after the published protocol: the methods of the Web API that a bot needs and
 * the socket of Socket Mode, over one port. It keeps all that was sent, and can be told to fail.
 */

export type SlackFault =
  /** `{"ok": false}` with Slack's word. */
  | { readonly kind: 'error'; readonly error: string; readonly more?: object }
  | {
      readonly kind: 'http'
      readonly status: number
      readonly headers?: Record<string, string>
      readonly body?: string
    }
  /** Nothing is ever answered. */
  | { readonly kind: 'hang' }
  /** The connection is cut without an answer; `after`: what was asked has been done. */
  | { readonly kind: 'drop'; readonly after?: boolean }

export const slowDown = (seconds: number): SlackFault => ({
  kind: 'http',
  status: 429,
  headers: { 'retry-after': String(seconds) },
})

export interface SlackCall {
  readonly method: string
  /** When it came, in milliseconds. */
  readonly at: number
  readonly given: Readonly<Record<string, string>>
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
}

export interface SayOptions {
  readonly user?: string
  readonly thread?: string
  readonly files?: readonly object[]
  /** Merged into the message as Slack would write it. */
  readonly more?: object
}

export const ALL_SCOPES =
  'app_mentions:read,channels:history,channels:read,chat:write,commands,files:read,groups:history,groups:read,im:history,im:read,mpim:history,mpim:read,reactions:write'

/** The scope that a method needs, by the kind of conversation where that decides. */
const KIND_SCOPES: Readonly<Record<string, string>> = {
  im: 'im',
  mpim: 'mpim',
  public_channel: 'channels',
  private_channel: 'groups',
}

export class SlackServer {
  static readonly botToken = 'xoxb-TEST-bot-token-of-the-simulator'
  static readonly appToken = 'xapp-TEST-app-token-of-the-simulator'
  readonly workspace = new SlackWorkspace()
  readonly sockets: SlackSockets
  readonly calls: SlackCall[] = []
  /** What the bot token may do. */
  scopes = ALL_SCOPES
  /** What the app token may do. */
  appScopes = 'connections:write'
  /** Messages that one page of a history holds at most. */
  pageLimit = 1_000
  /** Everything is answered with 502, and no connection stays. */
  #down = false
  readonly #server: Server
  readonly #faults: Array<{ method: string; fault: SlackFault; times: number }> = []
  readonly #files = new Map<string, Uint8Array>()

  private constructor() {
    this.#server = createServer((request, response) => void this.#handle(request, response))
    this.sockets = new SlackSockets(this.#server)
  }

  static async start(): Promise<SlackServer> {
    const server = new SlackServer()
    server.#server.listen(0, '127.0.0.1')
    await once(server.#server, 'listening')
    return server
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.sockets.close()
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  get apiRoot(): string {
    return `http://127.0.0.1:${this.port}/api`
  }

  set down(down: boolean) {
    this.#down = down
    if (down) this.sockets.cut()
  }

  /** A person writes. @returns the message's time stamp */
  say(channel: string, text: string, options: SayOptions = {}): string {
    const { user = ADA, thread, files, more } = options
    const record: SlackRecord = {
      type: 'message',
      ts: this.workspace.stamp(),
      user,
      text: escaped(text),
      ...(thread === undefined ? {} : { thread_ts: thread }),
      ...(files === undefined ? {} : { files, subtype: 'file_share' }),
      ...more,
    }
    this.workspace.add(channel, record)
    this.deliver(channel, record.ts)
    return record.ts
  }

  /** The events about a message, (again). A mention in a channel is told twice. */
  deliver(channel: string, ts: string): void {
    const record = this.workspace.find(channel, ts)
    if (!record) throw new Error(`there is no message ${ts}`)
    const root = record.thread_ts === undefined ? undefined : this.workspace.find(channel, record.thread_ts)
    const parent = root && root.ts !== ts ? { parent_user_id: root.user } : {}
    this.#event({ ...record, ...parent, ...this.#placeOf(channel), event_ts: ts })
    if (this.workspace.kindOf(channel) !== 'im' && record.text.includes(`<@${BOT.user}>`))
      this.#event({ ...record, ...parent, type: 'app_mention', channel, event_ts: ts })
  }

  /** A person changes a message. */
  change(channel: string, ts: string, text: string): void {
    const record = this.workspace.find(channel, ts)!
    const before = { ...record }
    record.text = escaped(text)
    this.changed(channel, record, before)
  }

  changed(channel: string, message: object, before: object): void {
    const ts = this.workspace.stamp()
    const subtype = 'message_changed'
    this.#event({
      type: 'message',
      subtype,
      hidden: true,
      ts,
      event_ts: ts,
      message,
      previous_message: before,
      ...this.#placeOf(channel),
    })
  }

  /** A person deletes a message. */
  remove(channel: string, ts: string): void {
    const before = this.workspace.find(channel, ts)
    this.workspace.remove(channel, ts)
    const at = this.workspace.stamp()
    this.#event({
      type: 'message',
      subtype: 'message_deleted',
      hidden: true,
      ts: at,
      event_ts: at,
      deleted_ts: ts,
      previous_message: before,
      ...this.#placeOf(channel),
    })
  }

  /** A person gives `/hermes text`. @returns the trigger's id */
  command(channel: string, text: string, user = ADA): string {
    const trigger = `${Date.now()}.${randomUUID().slice(0, 8)}`
    const payload = {
      command: '/hermes',
      text,
      user_id: user,
      user_name: 'ada',
      channel_id: channel,
      trigger_id: trigger,
    }
    this.sockets.push('slash_commands', payload)
    return trigger
  }

  /** A file that messages can carry. */
  addFile(bytes: Uint8Array, name: string, mimetype: string): object {
    const id = `F${this.#files.size}`
    this.#files.set(id, bytes)
    const address = `http://127.0.0.1:${this.port}/files/${id}/${encodeURIComponent(name)}`
    return {
      id,
      name,
      mimetype,
      size: bytes.length,
      mode: 'hosted',
      url_private: address,
      url_private_download: address,
    }
  }

  /** The next `times` calls of `method` (`*`: of any) fail. */
  fail(method: string, fault: SlackFault, times = 1): void {
    this.#faults.push({ method, fault, times })
  }

  /** Ends all faults. */
  restore(): void {
    this.#faults.length = 0
  }

  callsOf(method: string): readonly SlackCall[] {
    return this.calls.filter((call) => call.method === method)
  }

  #placeOf(channel: string): object {
    const kind = this.workspace.kindOf(channel)
    const type = kind === 'public_channel' ? 'channel' : kind === 'private_channel' ? 'group' : kind
    return { channel, channel_type: type }
  }

  #event(event: object): void {
    this.sockets.push('events_api', {
      type: 'event_callback',
      event_id: `Ev${randomUUID()}`,
      team_id: BOT.team,
      event,
    })
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const url = request.url ?? ''
    if (this.#down) return void response.writeHead(502).end('<html>Bad Gateway</html>')
    if (url.startsWith('/files/')) return this.#serveFile(url, request, response)
    const method = url.replace(/^\/api\//, '')
    const given = Object.fromEntries(new URLSearchParams(Buffer.concat(chunks).toString()))
    this.calls.push({ method, at: performance.now(), given, headers: request.headers })
    const fault = this.#nextFault(method)
    if (fault?.kind === 'hang') return
    if (fault?.kind === 'drop') {
      if (fault.after) this.#answer(method, given, request)
      return void request.socket.destroy()
    }
    if (fault?.kind === 'http')
      return void response.writeHead(fault.status, fault.headers).end(fault.body ?? '<html>trouble</html>')
    const answer = fault
      ? { ok: false, error: fault.error, ...fault.more }
      : this.#answer(method, given, request)
    response
      .writeHead(200, { 'content-type': 'application/json', 'x-oauth-scopes': this.scopes })
      .end(JSON.stringify(answer))
  }

  #answer(method: string, given: Readonly<Record<string, string>>, request: IncomingMessage): Answer {
    const bearer = request.headers.authorization?.replace(/^Bearer /, '')
    const wanted = method === 'apps.connections.open' ? SlackServer.appToken : SlackServer.botToken
    if (bearer !== wanted) return { ok: false, error: 'invalid_auth' }
    const needed = this.#missingScope(method, given)
    if (needed !== null) return { ok: false, error: 'missing_scope', needed, provided: this.scopes }
    switch (method) {
      case 'auth.test':
        return {
          ok: true,
          user_id: BOT.user,
          bot_id: BOT.bot,
          user: BOT.name,
          team: 'Test',
          team_id: BOT.team,
        }
      case 'apps.connections.open':
        // Through whatever line the request came.
        return { ok: true, url: `ws://${request.headers.host}${this.sockets.ticket()}` }
      case 'users.conversations':
        return this.workspace.memberships(given)
      case 'conversations.history':
        return this.workspace.history(given, this.pageLimit)
      case 'conversations.replies':
        return this.workspace.replies(given, this.pageLimit)
      case 'chat.postMessage': {
        const answer = this.workspace.post(given)
        if (answer.ok) this.deliver(String(answer['channel']), String(answer['ts']))
        return answer
      }
      case 'chat.update': {
        const before = { ...this.workspace.find(given['channel'] ?? '', given['ts'] ?? '') }
        const answer = this.workspace.update(given)
        if (answer.ok)
          this.changed(given['channel']!, this.workspace.find(given['channel']!, given['ts']!)!, before)
        return answer
      }
      case 'reactions.add':
      case 'reactions.remove':
        return this.workspace.react(given, method === 'reactions.add')
      default:
        return { ok: false, error: 'unknown_method' }
    }
  }

  #missingScope(method: string, given: Readonly<Record<string, string>>): string | null {
    if (method === 'auth.test') return null
    if (method === 'apps.connections.open')
      return this.appScopes.includes('connections:write') ? null : 'connections:write'
    const granted = this.scopes.split(',')
    const needed = this.#scopeOf(method, given)
    return needed === null || granted.includes(needed) ? null : needed
  }

  #scopeOf(method: string, given: Readonly<Record<string, string>>): string | null {
    if (method.startsWith('chat.')) return 'chat:write'
    if (method.startsWith('reactions.')) return 'reactions:write'
    if (method === 'users.conversations') return `${KIND_SCOPES[given['types'] ?? ''] ?? 'channels'}:read`
    const channel = given['channel'] ?? ''
    if (!/^[CDG]/.test(channel)) return null
    return `${KIND_SCOPES[this.workspace.kindOf(channel)]}:history`
  }

  #nextFault(method: string): SlackFault | null {
    const index = this.#faults.findIndex((planned) => planned.method === method || planned.method === '*')
    const planned = this.#faults[index]
    if (!planned) return null
    planned.times -= 1
    if (planned.times <= 0) this.#faults.splice(index, 1)
    return planned.fault
  }

  #serveFile(url: string, request: IncomingMessage, response: ServerResponse): void {
    this.calls.push({ method: 'download', at: performance.now(), given: { url }, headers: request.headers })
    const fault = this.#nextFault('download')
    if (fault?.kind === 'http') return void response.writeHead(fault.status, fault.headers).end()
    const bytes = this.#files.get(url.split('/')[2] ?? '')
    // A request without access to a file is redirected to a sign-in page.
    if (request.headers.authorization !== `Bearer ${SlackServer.botToken}` || !bytes)
      return void response.writeHead(302, { location: 'http://127.0.0.1:9/signin' }).end()
    response.writeHead(200, { 'content-type': 'application/octet-stream' }).end(bytes)
  }
}
