import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { keyOf, MatrixRooms, type Content, type StoredEvent } from './matrix-rooms.ts'
import { historyAnswer, hasNews, syncAnswer, type SyncQuery } from './matrix-sync.ts'

/**
 * A homeserver on loopback, after the published client-server API: `/sync` as a long poll with
 * positions, limited timelines and pages of history, transactions that drop repeats, invitations,
 * redactions, media, and errors with the real codes. It keeps all that was sent, and can be told to fail.
 *
 * @see https://spec.matrix.org/latest/client-server-api/
 */

export type MatrixFault =
  /** An error of the API. */
  | { readonly kind: 'error'; readonly status: number; readonly errcode: string; readonly extra?: Content }
  /** Nothing is ever answered. */
  | { readonly kind: 'hang' }
  /** The connection is cut without an answer; `after`: what was asked has been done. */
  | { readonly kind: 'drop'; readonly after?: boolean }
  /** A body that is no answer of a homeserver. */
  | { readonly kind: 'body'; readonly status: number; readonly body: string }

export const limitExceeded = (ms: number): MatrixFault => ({
  kind: 'error',
  status: 429,
  errcode: 'M_LIMIT_EXCEEDED',
  extra: { retry_after_ms: ms },
})
export const unknownToken = (softLogout = false): MatrixFault => ({
  kind: 'error',
  status: 401,
  errcode: 'M_UNKNOWN_TOKEN',
  extra: { soft_logout: softLogout },
})
export const badGateway: MatrixFault = { kind: 'body', status: 502, body: '<html>Bad Gateway</html>' }

export interface MatrixCall {
  readonly name: string
  readonly path: string
  readonly query: URLSearchParams
  readonly body: Content
}

interface Answer {
  readonly status: number
  readonly body: object
}

const MAX_EVENT_BYTES = 65_536
const V3 = '/_matrix/client/v3'

const RELATIONS = new RegExp(
  '^GET /_matrix/client/v1/rooms/([^/]+)/relations/([^/]+)/m\\.annotation/m\\.reaction$',
)

/** Calls by their path; the groups are passed to them. */
const CALLS: ReadonlyArray<readonly [string, RegExp]> = [
  ['versions', /^GET \/_matrix\/client\/versions$/],
  ['whoami', at('GET', '/account/whoami')],
  ['sync', at('GET', '/sync')],
  ['joined_rooms', at('GET', '/joined_rooms')],
  ['createRoom', at('POST', '/createRoom')],
  ['messages', at('GET', '/rooms/([^/]+)/messages')],
  ['event', at('GET', '/rooms/([^/]+)/event/([^/]+)')],
  ['joined_members', at('GET', '/rooms/([^/]+)/joined_members')],
  ['room_name', at('GET', '/rooms/([^/]+)/state/m\\.room\\.name')],
  ['members', at('GET', '/rooms/([^/]+)/members')],
  ['react', at('PUT', '/rooms/([^/]+)/send/(m\\.reaction)/([^/]+)')],
  ['relations', RELATIONS],
  ['send', at('PUT', '/rooms/([^/]+)/send/([^/]+)/([^/]+)')],
  ['redact', at('PUT', '/rooms/([^/]+)/redact/([^/]+)/([^/]+)')],
  ['typing', at('PUT', '/rooms/([^/]+)/typing/([^/]+)')],
  ['join', at('POST', '/rooms/([^/]+)/join')],
  ['leave', at('POST', '/rooms/([^/]+)/leave')],
  ['download', /^GET \/_matrix\/client\/v1\/media\/download\/([^/]+)\/([^/]+)$/],
  ['old download', /^GET \/_matrix\/media\/v3\/download\/([^/]+)\/([^/]+)$/],
]

function at(method: string, path: string): RegExp {
  return new RegExp(`^${method} ${V3}${path}$`)
}

export class MatrixServer implements AsyncDisposable {
  static readonly token = 'TEST_access_token_of_the_stand_in_0123456789'
  readonly rooms = new MatrixRooms()
  readonly calls: MatrixCall[] = []
  /** How it reads the `to` of a page of history, in which servers differ. */
  heedsTo: 'yes' | 'no' | 'refuses' = 'yes'
  /** False: a server from before authenticated media. */
  authenticatedMedia = true
  /** Delivered with the next events, whatever they are. */
  readonly oddEvents: unknown[] = []
  /** The room in which they are delivered; null: the first that has news. */
  oddRoom: string | null = null
  /** Rooms in which the bot may not speak. */
  readonly closed = new Set<string>()
  /** Rooms in which it may speak, and not react. */
  readonly withoutReactions = new Set<string>()
  /** Who may redact what others wrote. */
  botMayRedact = true
  /** Calls with these names are answered only after the promise. */
  readonly delays = new Map<string, Promise<void>>()
  readonly #server: Server
  readonly #transactions = new Map<string, string>()
  readonly #media = new Map<string, Uint8Array>()
  readonly #faults: Array<{ name: string; fault: MatrixFault; times: number }> = []
  readonly #polls = new Set<() => void>()
  /** The furthest position from which the bot continued. */
  #confirmed = 0

  private constructor() {
    this.#server = createServer((request, response) => void this.#handle(request, response))
    this.rooms.onChange = () => {
      for (const poll of this.#polls) poll()
    }
  }

  static async start(): Promise<MatrixServer> {
    const server = new MatrixServer()
    server.#server.listen(0, '127.0.0.1')
    await once(server.#server, 'listening')
    return server
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  get apiRoot(): string {
    return `http://127.0.0.1:${this.port}`
  }

  /** Whether the bot has continued past everything that happened. */
  get allConfirmed(): boolean {
    return this.#confirmed >= this.rooms.position
  }

  /** The next `times` calls of that name (`*`: of any) fail. */
  fail(name: string, fault: MatrixFault, times = 1): void {
    this.#faults.push({ name, fault, times })
  }

  /** Ends all faults. */
  restore(): void {
    this.#faults.length = 0
  }

  callsOf(name: string): readonly MatrixCall[] {
    return this.calls.filter((call) => call.name === name)
  }

  /** @returns its `mxc:` address */
  addMedia(bytes: Uint8Array): string {
    const id = `media${this.#media.size}`
    this.#media.set(id, bytes)
    return `mxc://test/${id}`
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://simulator')
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const text = Buffer.concat(chunks).toString()
    const [name = 'stray', pattern] =
      CALLS.find(([, path]) => path.test(`${request.method} ${url.pathname}`)) ?? []
    const parts = pattern?.exec(`${request.method} ${url.pathname}`)?.slice(1).map(decodeURIComponent) ?? []
    const body = (text === '' ? {} : JSON.parse(text)) as Content
    const call: MatrixCall = { name, path: url.pathname, query: url.searchParams, body }
    this.calls.push(call)
    const open = name === 'versions' || name === 'old download' || name === 'stray'
    if (!open && request.headers.authorization !== `Bearer ${MatrixServer.token}`) {
      return reply(response, refusal(401, 'M_UNKNOWN_TOKEN', 'Invalid access token passed.'))
    }
    const fault = this.#nextFault(name)
    if (fault?.kind === 'hang') return
    if (fault?.kind === 'drop') {
      if (fault.after) this.#answer(call, parts, text.length)
      return void request.socket.destroy()
    }
    if (fault?.kind === 'body') return void response.writeHead(fault.status).end(fault.body)
    if (fault) {
      return reply(response, refusal(fault.status, fault.errcode, 'as the test wants it', fault.extra))
    }
    if (name === 'stray') return reply(response, refusal(404, 'M_UNRECOGNIZED', 'Unrecognized request'))
    await this.delays.get(name)
    if (name === 'sync') return this.#sync(url.searchParams, response)
    if (name.endsWith('download')) return this.#download(name, parts[1]!, response)
    reply(response, this.#answer(call, parts, text.length))
  }

  #nextFault(name: string): MatrixFault | null {
    const index = this.#faults.findIndex((planned) => planned.name === name || planned.name === '*')
    const planned = this.#faults[index]
    if (!planned) return null
    planned.times -= 1
    if (planned.times <= 0) this.#faults.splice(index, 1)
    return planned.fault
  }

  #sync(query: URLSearchParams, response: ServerResponse): void {
    const since = query.get('since')
    const position = since === null ? null : Number(/^s(\d+)$/.exec(since)?.[1] ?? Number.NaN)
    if (position !== null && !(position <= this.rooms.position)) {
      return reply(response, refusal(400, 'M_UNKNOWN', 'Invalid stream token'))
    }
    this.#confirmed = Math.max(this.#confirmed, position ?? 0)
    const filter = JSON.parse(query.get('filter') ?? '{}') as SyncQuery['filter']
    const ask: SyncQuery = { since: position, filter }
    const finish = () => {
      clearTimeout(timer)
      this.#polls.delete(look)
      if (response.destroyed) return
      const body = syncAnswer(this.rooms, ask)
      for (const [id, room] of Object.entries(body.rooms.join)) {
        if (this.oddRoom !== null && id !== this.oddRoom) continue
        const { timeline } = room as { timeline: { events: unknown[] } }
        timeline.events.unshift(...this.oddEvents.splice(0))
      }
      reply(response, { status: 200, body })
    }
    const look = () => {
      if (hasNews(this.rooms, ask)) finish()
    }
    const timer = setTimeout(finish, Number(query.get('timeout') ?? 0))
    response.on('close', () => {
      clearTimeout(timer)
      this.#polls.delete(look)
    })
    this.#polls.add(look)
    look()
  }

  #answer(call: MatrixCall, parts: readonly string[], size: number): Answer {
    const { rooms } = this
    const [roomId = '', second = '', third = ''] = parts
    const bot = MatrixRooms.bot
    const room = rooms.rooms.get(roomId)
    const closed = refusal(403, 'M_FORBIDDEN', 'User not in room')
    switch (call.name) {
      case 'versions':
        return ok({ versions: ['v1.11', 'v1.15'] })
      case 'whoami':
        return ok({ user_id: bot, device_id: 'TESTDEVICE' })
      case 'joined_rooms':
        return ok({ joined_rooms: [...rooms.rooms.keys()].filter((id) => rooms.isJoined(id)) })
      case 'createRoom': {
        const id = rooms.openRoom(`!made${rooms.rooms.size}:test`, [bot])
        for (const person of (call.body['invite'] as string[] | undefined) ?? []) {
          rooms.invite(id, bot, person)
        }
        return ok({ room_id: id })
      }
      case 'join':
        if (!room?.members.has(bot)) return refusal(403, 'M_FORBIDDEN', 'You are not invited to this room.')
        if (!rooms.isJoined(roomId)) rooms.setMember(roomId, bot, 'join')
        return ok({ room_id: roomId })
      case 'leave':
        if (!['join', 'invite'].includes(room?.members.get(bot)?.membership ?? '')) return closed
        rooms.setMember(roomId, bot, 'leave')
        return ok({})
    }
    if (!room || !rooms.isJoined(roomId)) return closed
    switch (call.name) {
      case 'messages':
        if (this.heedsTo === 'refuses' && call.query.has('to'))
          return refusal(400, 'M_INVALID_PARAM', 'no such token')
        return ok(historyAnswer(rooms, roomId, call.query, this.heedsTo === 'yes'))
      case 'event': {
        const event = rooms.event(roomId, second)
        return event ? ok(event) : refusal(404, 'M_NOT_FOUND', 'Event not found.')
      }
      case 'joined_members': {
        const joined = [...room.members].filter(([, member]) => member.membership === 'join')
        return ok({
          joined: Object.fromEntries(joined.map(([id, { name }]) => [id, { display_name: name }])),
        })
      }
      case 'room_name':
        return room.name === undefined ? refusal(404, 'M_NOT_FOUND', 'No state') : ok({ name: room.name })
      case 'members':
        return ok({
          chunk: [...room.members]
            .filter(([, { membership }]) => membership === (call.query.get('membership') ?? membership))
            .map(([id, { membership }]) => ({ state_key: id, content: { membership } })),
        })
      case 'typing':
        rooms.typing.push(roomId)
        return ok({})
      case 'relations':
        return rooms.event(roomId, second)
          ? ok({ chunk: rooms.annotations(roomId, second) })
          : refusal(404, 'M_NOT_FOUND', 'Unknown parent event.')
      case 'react':
      case 'send':
        return this.#send(roomId, second, third, call.body, size)
      case 'redact': {
        const target = rooms.event(roomId, second)
        if (!this.botMayRedact && target?.sender !== bot)
          return refusal(403, 'M_FORBIDDEN', "You don't have permission to redact events")
        return this.#once(`redact ${roomId} ${third}`, () => rooms.redact(roomId, bot, second))
      }
      default:
        return refusal(404, 'M_UNRECOGNIZED', 'Unrecognized request')
    }
  }

  #send(roomId: string, type: string, txnId: string, content: Content, size: number): Answer {
    if (type === 'm.reaction' && this.withoutReactions.has(roomId))
      return refusal(403, 'M_FORBIDDEN', "You don't have permission to post that to the room.")
    if (this.closed.has(roomId)) return refusal(403, 'M_FORBIDDEN', 'You do not have the power to post')
    if (size > MAX_EVENT_BYTES) return refusal(413, 'M_TOO_LARGE', 'event too large')
    const relation = (content['m.relates_to'] ?? {}) as Content
    const parent = relation['event_id']
    if (typeof parent === 'string' && !this.rooms.event(roomId, parent)) {
      return refusal(400, 'M_UNKNOWN', "Can't send relation to unknown event")
    }
    if (type === 'm.reaction') {
      const { rel_type: kind, key } = relation
      if (kind !== 'm.annotation' || typeof parent !== 'string' || typeof key !== 'string')
        return refusal(400, 'M_BAD_JSON', 'not an annotation')
      const isOwn = (event: StoredEvent) => event.sender === MatrixRooms.bot && keyOf(event) === key
      const repeat = this.#transactions.has(`send ${roomId} ${type} ${txnId}`)
      if (!repeat && this.rooms.annotations(roomId, parent).some(isOwn))
        return refusal(400, 'M_DUPLICATE_ANNOTATION', "Can't send same reaction twice")
    }
    return this.#once(`send ${roomId} ${type} ${txnId}`, () =>
      this.rooms.push(roomId, type, MatrixRooms.bot, content),
    )
  }

  /** A transaction that was done already gives the same answer again. */
  #once(key: string, work: () => string): Answer {
    let id = this.#transactions.get(key)
    if (id === undefined) this.#transactions.set(key, (id = work()))
    return ok({ event_id: id })
  }

  #download(name: string, mediaId: string, response: ServerResponse): void {
    if (name === 'download' && !this.authenticatedMedia) {
      return reply(response, refusal(404, 'M_UNRECOGNIZED', 'Unrecognized request'))
    }
    const bytes = this.#media.get(mediaId)
    if (!bytes) return reply(response, refusal(404, 'M_NOT_FOUND', 'Not found'))
    response.writeHead(200, { 'content-type': 'application/octet-stream' }).end(bytes)
  }
}

function ok(body: object): Answer {
  return { status: 200, body }
}

function refusal(status: number, errcode: string, error: string, extra: Content = {}): Answer {
  return { status, body: { errcode, error, ...extra } }
}

function reply(response: ServerResponse, { status, body }: Answer): void {
  if (response.destroyed) return
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}
