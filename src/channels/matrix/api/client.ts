import { MINUTE, SECOND, within } from '../../../support/clock.ts'
import { limitBody } from '../../../support/limit-body.ts'
import type { Secret } from '../../../support/secret.ts'
import { networkCode, TOO_LARGE } from '../../kit/failure.ts'
import { download, DOWNLOAD_TIMEOUT_MS, MAX_ANSWER_BYTES } from '../../kit/files/download.ts'
import { EVENT_FILTER, eventOf, readPage, readSync, recordOf, syncFilter, textOf } from './events.ts'
import type { Detail, MatrixEvent, SyncAnswer } from './events.ts'
import { classifyAnswer, MatrixFailure } from './failure.ts'

/** No ordinary call takes this long; after that it counts as failed and can be repeated. */
const CALL_TIMEOUT_MS = 30 * SECOND
/** What a long poll may take beyond the time it was asked to wait. */
const SYNC_GRACE_MS = 15 * SECOND
/** The first answer is the state of every room, which a busy server works on for long. */
const FIRST_SYNC_TIMEOUT_MS = 3 * MINUTE
/** Five hundred events of the largest size. What is more is asked for again with less of each room. */
const MAX_SYNC_BYTES = 32 * 1024 * 1024
/** A room on another server is joined only once that server has answered. */
const JOIN_TIMEOUT_MS = 2 * MINUTE
/** How long others are shown that the bot writes; it is asked for again sooner. */
const TYPING_MS = 10 * SECOND

/** The bot reacts soon after a message, so its own are among the first; more are not looked through. */
const REACTIONS_READ = 100

const V3 = '/_matrix/client/v3'

export interface ClientOptions {
  readonly token: Secret
  /** Such as `https://matrix.example.org`; a trailing slash is removed. */
  readonly apiRoot: string
  /** The global `fetch` unless a test listens; looked up at each call, so that a proxy set later holds. */
  readonly fetch?: typeof fetch
}

/** Who the access token belongs to. */
export interface Account {
  readonly userId: string
  readonly deviceId: string | null
}

interface Call {
  /** How the call is named in errors: its path holds rooms and events. */
  readonly name: string
  readonly method: 'GET' | 'POST' | 'PUT'
  readonly path: string
  readonly query?: Readonly<Record<string, string | null>>
  readonly body?: object
  readonly timeoutMs?: number
  /** Of the answer; none is read further. */
  readonly maxBytes?: number
}

/**
 * The calls of the client-server API that this channel makes.
 *
 * Every method throws a MatrixFailure, or the signal's reason when aborted.
 *
 * @see https://spec.matrix.org/latest/client-server-api/
 */
export class MatrixClient {
  readonly #token: Secret
  readonly #root: string
  readonly #fetch: typeof fetch

  constructor(options: ClientOptions) {
    this.#token = options.token
    this.#root = options.apiRoot.replace(/\/+$/, '')
    this.#fetch = options.fetch ?? ((input, init) => fetch(input, init))
  }

  async whoami(signal: AbortSignal): Promise<Account> {
    const name = 'whoami'
    const answer = await this.#call({ name, method: 'GET', path: `${V3}/account/whoami` }, signal)
    const userId = textOf(answer, 'user_id')
    if (userId === null) throw new MatrixFailure('server', name, 'named no user')
    return { userId, deviceId: textOf(answer, 'device_id') }
  }

  /** The versions of the protocol that the server speaks. Needs no token, and sends none. */
  async versions(signal: AbortSignal): Promise<readonly string[]> {
    const call = { name: 'versions', method: 'GET', path: '/_matrix/client/versions' } as const
    const { versions } = await this.#call(call, signal, false)
    if (!Array.isArray(versions)) throw new MatrixFailure('server', call.name, 'named no versions')
    return versions.filter((version): version is string => typeof version === 'string')
  }

  /**
   * Where the site says that its homeserver's client API is; null = it does not say. Nothing is ever
   * asked there automatically: it may be anybody's, and the token is not for them.
   *
   * @see https://spec.matrix.org/latest/client-server-api/#well-known-uri
   */
  async discover(signal: AbortSignal): Promise<string | null> {
    const call = { name: 'well-known', method: 'GET', path: '/.well-known/matrix/client' } as const
    const answer = await this.#call(call, signal, false)
    const url = textOf(recordOf(answer['m.homeserver']), 'base_url')
    return url !== null && URL.canParse(url) ? url : null
  }

  /**
   * What happened after `since`; null = everything that is now, whose history is not asked for.
   *
   * @param waitMs how long the server keeps an empty answer back, in milliseconds; 0 = not at all
   */
  async sync(since: string | null, waitMs: number, detail: Detail, signal: AbortSignal): Promise<SyncAnswer> {
    const name = 'sync'
    const answer = await this.#call(
      {
        name,
        method: 'GET',
        path: `${V3}/sync`,
        query: { since, timeout: String(waitMs), filter: syncFilter(detail) },
        timeoutMs: since === null ? FIRST_SYNC_TIMEOUT_MS : waitMs + SYNC_GRACE_MS,
        maxBytes: MAX_SYNC_BYTES,
      },
      signal,
    )
    const read = readSync(answer)
    if (!read) throw new MatrixFailure('server', name, 'answered without a position')
    return read
  }

  /** A page of a room's history before `from` (or its newest one), newest first. `end` is where the next one begins; null = it is the last. */
  async history(
    roomId: string,
    range: { readonly from: string; readonly to: string | null; readonly limit: number },
    signal: AbortSignal,
  ): Promise<{ readonly events: readonly MatrixEvent[]; readonly end: string | null }> {
    const name = 'messages'
    const answer = await this.#call(
      {
        name,
        method: 'GET',
        path: `${roomPath(roomId)}/messages`,
        query: {
          dir: 'b',
          from: range.from || null,
          to: range.to,
          limit: String(range.limit),
          filter: EVENT_FILTER,
        },
      },
      signal,
    )
    const page = readPage(answer)
    if (!page) throw new MatrixFailure('server', name, 'answered no list')
    return page
  }

  async event(roomId: string, eventId: string, signal: AbortSignal): Promise<MatrixEvent> {
    const name = 'event'
    const path = `${roomPath(roomId)}/event/${encodeURIComponent(eventId)}`
    const event = eventOf(await this.#call({ name, method: 'GET', path }, signal))
    if (!event) throw new MatrixFailure('server', name, 'answered no event')
    return event
  }

  /** Who is in the room, with the names that they have there. */
  async members(roomId: string, signal: AbortSignal): Promise<ReadonlyMap<string, string | null>> {
    const path = `${roomPath(roomId)}/joined_members`
    const { joined } = await this.#call({ name: 'joined_members', method: 'GET', path }, signal)
    const members = Object.entries(recordOf(joined))
    return new Map(members.map(([id, profile]) => [id, textOf(recordOf(profile), 'display_name')]))
  }

  /** What a room is called. @throws MatrixFailure also where it has no name */
  async roomName(roomId: string, signal: AbortSignal): Promise<string | null> {
    const path = `${roomPath(roomId)}/state/m.room.name`
    return textOf(await this.#call({ name: 'room_name', method: 'GET', path }, signal), 'name')
  }

  async joinedRooms(signal: AbortSignal): Promise<readonly string[]> {
    const call = { name: 'joined_rooms', method: 'GET', path: `${V3}/joined_rooms` } as const
    const { joined_rooms: rooms } = await this.#call(call, signal)
    return Array.isArray(rooms) ? rooms.filter((room): room is string => typeof room === 'string') : []
  }

  /** How many are invited and have not come yet. */
  async invitedCount(roomId: string, signal: AbortSignal): Promise<number> {
    const path = `${roomPath(roomId)}/members`
    const call = { name: 'members', method: 'GET', path, query: { membership: 'invite' } } as const
    const { chunk } = await this.#call(call, signal)
    if (!Array.isArray(chunk)) return 0
    // Not every server knows the filter.
    return chunk.filter((event) => textOf(recordOf(recordOf(event)['content']), 'membership') === 'invite')
      .length
  }

  /**
   * Puts an event into a room; the same `txnId` again gives the first one's id and sends nothing.
   *
   * @returns the event's id
   */
  async send(roomId: string, txnId: string, content: object, signal: AbortSignal): Promise<string> {
    return this.#put('send', `${roomPath(roomId)}/send/m.room.message`, txnId, content, signal)
  }

  /** Reacts to an event. As `send`. @returns the reaction's own id */
  async react(
    roomId: string,
    txnId: string,
    { eventId, key }: { readonly eventId: string; readonly key: string },
    signal: AbortSignal,
  ): Promise<string> {
    const content = { 'm.relates_to': { rel_type: 'm.annotation', event_id: eventId, key } }
    return this.#put('react', `${roomPath(roomId)}/send/m.reaction`, txnId, content, signal)
  }

  /** The ids of somebody's reactions to an event with this key: one at most, by the book. */
  async reactionsOf(
    roomId: string,
    { eventId, key, sender }: { readonly eventId: string; readonly key: string; readonly sender: string },
    signal: AbortSignal,
  ): Promise<readonly string[]> {
    const relations = `relations/${encodeURIComponent(eventId)}/m.annotation/m.reaction`
    const path = `/_matrix/client/v1/rooms/${encodeURIComponent(roomId)}/${relations}`
    const query = { limit: String(REACTIONS_READ) }
    const page = readPage(await this.#call({ name: 'relations', method: 'GET', path, query }, signal))
    if (!page) throw new MatrixFailure('server', 'relations', 'answered no list')
    return page.events
      .filter((event) => event.sender === sender)
      .filter(({ content }) => textOf(recordOf(content['m.relates_to']), 'key') === key)
      .map((event) => event.event_id)
  }

  async #put(
    name: string,
    path: string,
    txnId: string,
    content: object,
    signal: AbortSignal,
  ): Promise<string> {
    const call = { name, method: 'PUT', path: `${path}/${encodeURIComponent(txnId)}`, body: content } as const
    const id = textOf(await this.#call(call, signal), 'event_id')
    if (id === null) throw new MatrixFailure('server', name, 'named no event')
    return id
  }

  async redact(roomId: string, eventId: string, txnId: string, signal: AbortSignal): Promise<void> {
    const ids = `${encodeURIComponent(eventId)}/${encodeURIComponent(txnId)}`
    const path = `${roomPath(roomId)}/redact/${ids}`
    await this.#call({ name: 'redact', method: 'PUT', path, body: {} }, signal)
  }

  async typing(roomId: string, userId: string, signal: AbortSignal): Promise<void> {
    const path = `${roomPath(roomId)}/typing/${encodeURIComponent(userId)}`
    const body = { typing: true, timeout: TYPING_MS }
    await this.#call({ name: 'typing', method: 'PUT', path, body }, signal)
  }

  async join(roomId: string, signal: AbortSignal): Promise<void> {
    const call = { name: 'join', method: 'POST', path: `${roomPath(roomId)}/join`, body: {} } as const
    await this.#call({ ...call, timeoutMs: JOIN_TIMEOUT_MS }, signal)
  }

  /** Also turns an invitation down. */
  async leave(roomId: string, signal: AbortSignal): Promise<void> {
    const path = `${roomPath(roomId)}/leave`
    await this.#call({ name: 'leave', method: 'POST', path, body: {}, timeoutMs: JOIN_TIMEOUT_MS }, signal)
  }

  /** Opens a private room without encryption and invites the person. @returns the room's id */
  async createPrivateRoom(userId: string, signal: AbortSignal): Promise<string> {
    const body = { is_direct: true, invite: [userId], preset: 'trusted_private_chat' }
    const call = { name: 'createRoom', method: 'POST', path: `${V3}/createRoom`, body } as const
    const roomId = textOf(await this.#call(call, signal), 'room_id')
    if (roomId === null) throw new MatrixFailure('server', call.name, 'named no room')
    return roomId
  }

  /**
   * The bytes of an uploaded file.
   *
   * @returns null when there are more than `maxBytes` of them
   * @see https://spec.matrix.org/latest/client-server-api/#content-repository
   */
  async download(
    file: { readonly server: string; readonly mediaId: string },
    maxBytes: number,
    signal: AbortSignal,
  ): Promise<Uint8Array | null> {
    const ids = `${encodeURIComponent(file.server)}/${encodeURIComponent(file.mediaId)}`
    try {
      return await this.#download(`/_matrix/client/v1/media/download/${ids}`, maxBytes, signal)
    } catch (error) {
      // Servers from before authenticated media.
      if (!(error instanceof MatrixFailure) || error.kind !== 'unknown-call') throw error
      return await this.#download(`/_matrix/media/v3/download/${ids}`, maxBytes, signal)
    }
  }

  async #download(path: string, maxBytes: number, signal: AbortSignal): Promise<Uint8Array | null> {
    const run = async (deadline: AbortSignal) => {
      const response = await this.#request('GET', `${this.#root}${path}`, null, deadline, true)
      if (!response.ok || !response.body) throw await failureOf('download', response)
      return download(response.body, maxBytes)
    }
    return within(DOWNLOAD_TIMEOUT_MS, signal, run, (error) => translate('download', error))
  }

  #call(
    { name, method, path, query = {}, body, timeoutMs = CALL_TIMEOUT_MS, maxBytes = MAX_ANSWER_BYTES }: Call,
    signal: AbortSignal,
    withToken = true,
  ): Promise<Readonly<Record<string, unknown>>> {
    const run = async (deadline: AbortSignal) => {
      const given = Object.entries(query).filter((pair): pair is [string, string] => pair[1] !== null)
      const search = given.length === 0 ? '' : `?${new URLSearchParams(given)}`
      const url = `${this.#root}${path}${search}`
      const response = await this.#request(
        method,
        url,
        body ? JSON.stringify(body) : null,
        deadline,
        withToken,
      )
      if (!response.ok) throw await failureOf(name, response)
      const answer: unknown = await limitBody(response, { maxBytes }).json()
      return recordOf(answer)
    }
    return within(timeoutMs, signal, run, (error) => translate(name, error))
  }

  #request(
    method: string,
    url: string,
    body: string | null,
    signal: AbortSignal,
    withToken: boolean,
  ): Promise<Response> {
    return this.#fetch(url, {
      method,
      body,
      signal,
      // A redirect would carry the token, or what the server hands out, to somebody else.
      redirect: 'manual',
      headers: {
        ...(withToken ? { authorization: `Bearer ${this.#token.reveal()}` } : {}),
        ...(body === null ? {} : { 'content-type': 'application/json' }),
      },
    })
  }
}

function translate(name: string, error: unknown): MatrixFailure {
  if (error instanceof MatrixFailure) return error
  const code = networkCode(error)
  return new MatrixFailure(code === TOO_LARGE ? 'too-large' : 'network', name, `no usable answer (${code})`)
}

function roomPath(roomId: string): string {
  return `${V3}/rooms/${encodeURIComponent(roomId)}`
}

/** An error page of a proxy may be long, and nothing of it is of use. */
const LONGEST_ERROR_BODY = 64 * 1024

async function failureOf(name: string, response: Response): Promise<MatrixFailure> {
  let body: unknown = null
  try {
    body = await limitBody(response, { maxBytes: LONGEST_ERROR_BODY }).json()
  } catch {
    // Not a homeserver's own answer.
  }
  return classifyAnswer(name, response.status, response.headers, body)
}
