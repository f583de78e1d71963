import { remember } from '../../../support/remember.ts'
import type { MatrixClient } from '../api/client.ts'
import { recordOf, textOf, type MatrixEvent } from '../api/events.ts'
import { isClosed } from '../api/failure.ts'

/** A room as it stands now. */
export interface Room {
  /** Only one person and the bot are members, and nobody is invited. */
  readonly private: boolean
  /** The name that the bot has there; null = none. */
  readonly ownName: string | null
  /** What the room is called; null or left out: it is private, or has no name. */
  readonly name?: string | null
  /** What the others are called there; only in rooms of few people. */
  readonly names: ReadonlyMap<string, string | null>
}

/** What is known of a message that another one points to. */
export interface Pointed {
  readonly sender: string
  readonly threadRoot: string | null
}

/** Rooms and messages remembered: some megabytes. */
const REMEMBERED_ROOMS = 1_000
const REMEMBERED_EVENTS = 10_000
/** In a room of more people somebody comes or goes all the time, and it will not be a private one soon. */
const LARGE_ROOM = 50

const CLOSED_ROOM: Room = { private: false, ownName: null, names: new Map() }

/**
 * What must be known of rooms and messages to understand a message: asked for where it is not
 * remembered, and forgotten when somebody comes or goes.
 */
export class Rooms {
  readonly #client: MatrixClient
  readonly #rooms = new Map<string, Room>()
  readonly #events = new Map<string, Pointed>()
  readonly #large = new Set<string>()

  constructor(client: MatrixClient) {
    this.#client = client
  }

  /**
   * Two members make a private chat, whatever the room was made for: the bot's account data cannot
   * say it, for it is the other side that marks a room as direct.
   *
   * @throws MatrixFailure when the server cannot be asked
   */
  async describe(roomId: string, userId: string, signal: AbortSignal): Promise<Room> {
    const known = this.#rooms.get(roomId)
    if (known) return known
    const room = await this.#ask(roomId, userId, signal)
    remember(this.#rooms, roomId, room, REMEMBERED_ROOMS)
    return room
  }

  /** Takes notice of who came and went, and of who wrote what. */
  observe(roomId: string, events: readonly MatrixEvent[]): void {
    for (const event of events) {
      if (event.type === 'm.room.member' || event.type === 'm.room.name') {
        if (event.type === 'm.room.name' || !this.#large.has(roomId)) this.#rooms.delete(roomId)
      } else this.remember(roomId, event.event_id, pointedOf(event))
    }
  }

  remember(roomId: string, eventId: string, pointed: Pointed): void {
    remember(this.#events, `${roomId} ${eventId}`, pointed, REMEMBERED_EVENTS)
  }

  /** What is remembered of a message. */
  recall(roomId: string, eventId: string): Pointed | null {
    return this.#events.get(`${roomId} ${eventId}`) ?? null
  }

  /**
   * The message that another one points to; null: there is none that the bot may see.
   *
   * @throws MatrixFailure when the server cannot be asked
   */
  async pointed(roomId: string, eventId: string, signal: AbortSignal): Promise<Pointed | null> {
    const known = this.recall(roomId, eventId)
    if (known) return known
    const event = await this.event(roomId, eventId, signal)
    if (event === null) return null
    const pointed = pointedOf(event)
    this.remember(roomId, eventId, pointed)
    return pointed
  }

  /**
   * A message, which is asked for each time; null: there is none that the bot may see.
   *
   * @throws MatrixFailure when the server cannot be asked
   */
  async event(roomId: string, eventId: string, signal: AbortSignal): Promise<MatrixEvent | null> {
    try {
      return await this.#client.event(roomId, eventId, signal)
    } catch (error) {
      if (isClosed(error)) return null
      throw error
    }
  }

  /** Forgets everything: it may have changed while nothing was received. */
  clear(): void {
    this.#rooms.clear()
    this.#events.clear()
    this.#large.clear()
  }

  /** The bot is not there any more. */
  forget(roomId: string): void {
    this.#rooms.delete(roomId)
    this.#large.delete(roomId)
  }

  async #nameOf(roomId: string, signal: AbortSignal): Promise<string | null> {
    try {
      return await this.#client.roomName(roomId, signal)
    } catch (error) {
      // Many rooms have none.
      if (isClosed(error)) return null
      throw error
    }
  }

  async #ask(roomId: string, userId: string, signal: AbortSignal): Promise<Room> {
    try {
      const members = await this.#client.members(roomId, signal)
      const ownName = members.get(userId) ?? null
      if (members.size > LARGE_ROOM) {
        this.#large.add(roomId)
        return { ...CLOSED_ROOM, ownName, name: await this.#nameOf(roomId, signal) }
      }
      this.#large.delete(roomId)
      const two = members.size === 2 && members.has(userId)
      const alone = two && (await this.#client.invitedCount(roomId, signal)) === 0
      return {
        private: alone,
        ownName,
        names: members,
        name: alone ? null : await this.#nameOf(roomId, signal),
      }
    } catch (error) {
      if (isClosed(error)) return CLOSED_ROOM
      throw error
    }
  }
}

/** The thread that an event belongs to; null = none. @see https://spec.matrix.org/latest/client-server-api/#threading */
export function threadRootOf(event: MatrixEvent): string | null {
  const relation = recordOf(event.content['m.relates_to'])
  return relation['rel_type'] === 'm.thread' ? textOf(relation, 'event_id') : null
}

function pointedOf(event: MatrixEvent): Pointed {
  return { sender: event.sender, threadRoot: threadRootOf(event) }
}
