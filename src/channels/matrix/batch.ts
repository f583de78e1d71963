import type { Delivered } from '../../conversation/receiver.ts'
import type { Cursor } from '../../inbox/inbox.ts'
import { messageOf } from '../../support/errors.ts'
import type { Log } from '../../support/log.ts'
import type { FileLoader } from './attachments.ts'
import { Cursors } from './cursors.ts'
import { membershipOf, type MatrixEvent, type SyncAnswer, type Timeline } from './events.ts'
import { MatrixFailure } from './failure.ts'
import { encryptedRoom, isEncryptedRoom, isEncryptionOn, mapEvent, type MappingContext } from './receive.ts'
import type { Rooms } from './rooms.ts'
import type { History } from './timeline.ts'

/** What one answer of `/sync` gives to be stored, in one transaction with its position. */
export interface Batch {
  readonly items: readonly Delivered[]
  readonly cursors: ReadonlyArray<Omit<Cursor, 'channel'>>
}

export interface BatchOptions {
  readonly rooms: Rooms
  readonly history: History
  readonly load: FileLoader
  readonly log: Log
  /** A message was deleted by somebody. */
  readonly onDeleted: (eventId: string) => void
}

/** Turns answers of the server into what is handed over. */
export class Batches {
  readonly #options: BatchOptions
  /** Rooms of which this process knows that they have been told that they are encrypted. */
  readonly #told = new Set<string>()

  constructor(options: BatchOptions) {
    this.#options = options
  }

  /**
   * @param since the position that the answer follows; null = the first ever of this account
   * @throws MatrixFailure when the server has to be asked further and cannot be
   */
  async of(
    answer: SyncAnswer,
    account: { readonly userId: string; readonly since: string | null; readonly cursors: Cursors },
    signal: AbortSignal,
  ): Promise<Batch> {
    const items: Delivered[] = []
    const stored: Array<Omit<Cursor, 'channel'>> = []
    for (const [roomId, { timeline, state }] of answer.joined) {
      const events = await this.#eventsOf(roomId, timeline, account, signal)
      this.#observe(roomId, [...state, ...events])
      const found = await this.#map(roomId, events, account.userId, signal)
      const isNew = account.cursors.mark(roomId) === null
      if (isNew && account.since !== null && [...state, ...timeline.events].some(isEncryptionOn)) {
        found.push(...(await this.#greetEncrypted(roomId, timeline.events, account, signal)))
      }
      items.push(...found)
      const last = timeline.events.at(-1)
      // What is only the bot's own doing is not worth a write to the disk.
      if (isNew || events.some(({ sender }) => sender !== account.userId)) {
        stored.push(Cursors.mark(roomId, last?.event_id ?? null))
      }
      if (account.cursors.invitation(roomId)) stored.push(Cursors.invitation(roomId, null))
      stored.push(...privateRooms(found, account.cursors))
    }
    for (const [roomId, events] of answer.invited) {
      const by = events.find((event) => membershipOf(event, account.userId) === 'invite')?.sender
      if (by === undefined || /\s/.test(by)) continue
      stored.push(Cursors.invitation(roomId, { state: 'open', by }))
    }
    for (const [roomId, events] of answer.left) {
      stored.push(...this.#left(roomId, events, account))
    }
    return { items: this.#oncePerRoom(items), cursors: stored }
  }

  /** The store has taken the sentence for this room, now or long ago. */
  told(roomId: string): void {
    this.#told.add(roomId)
  }

  async #eventsOf(
    roomId: string,
    timeline: Timeline,
    {
      userId,
      since,
      cursors,
    }: { readonly userId: string; readonly since: string | null; readonly cursors: Cursors },
    signal: AbortSignal,
  ): Promise<readonly MatrixEvent[]> {
    const { history } = this.#options
    const mark = cursors.mark(roomId)
    if (mark !== null) return history.sinceMark(roomId, timeline, { mark, since }, signal)
    // What was said before the gateway ever looked is not answered, unless it was invited to hear it.
    if (since === null && !cursors.invitation(roomId)) return []
    return history.sinceInvitation(roomId, timeline, userId, signal)
  }

  #observe(roomId: string, events: readonly MatrixEvent[]): void {
    this.#options.rooms.observe(roomId, events)
    for (const event of events) {
      const deleted = event.type === 'm.room.redaction' ? (event.redacts ?? event.content['redacts']) : null
      if (typeof deleted === 'string') this.#options.onDeleted(deleted)
    }
  }

  async #map(
    roomId: string,
    events: readonly MatrixEvent[],
    userId: string,
    signal: AbortSignal,
  ): Promise<Delivered[]> {
    const items: Delivered[] = []
    if (events.every(({ sender }) => sender === userId)) return items
    const context = await this.#contextOf(roomId, userId, signal)
    for (const event of events) {
      try {
        const item = await mapEvent(event, context)
        if (item) items.push(item)
      } catch (error) {
        if (error instanceof MatrixFailure || signal.aborted) throw error
        // Whoever can make one event that is not understood must not stop all others.
        this.#options.log.error(
          { channel: 'matrix', event: event.event_id },
          `an event of an unknown shape was passed over: ${messageOf(error)}`,
        )
      }
    }
    return items
  }

  async #greetEncrypted(
    roomId: string,
    events: readonly MatrixEvent[],
    { userId, cursors }: { readonly userId: string; readonly cursors: Cursors },
    signal: AbortSignal,
  ): Promise<readonly Delivered[]> {
    const invitation = events.find((event) => membershipOf(event, userId) === 'invite')
    const by = cursors.invitation(roomId)?.by ?? invitation?.sender
    return by === undefined ? [] : [encryptedRoom(by, await this.#contextOf(roomId, userId, signal))]
  }

  async #contextOf(roomId: string, userId: string, signal: AbortSignal): Promise<MappingContext> {
    const { rooms, load } = this.#options
    return {
      roomId,
      userId,
      room: await rooms.describe(roomId, userId, signal),
      load,
      pointed: (eventId) => rooms.pointed(roomId, eventId, signal),
      recall: (eventId) => rooms.recall(roomId, eventId),
    }
  }

  #left(
    roomId: string,
    events: readonly MatrixEvent[],
    { userId, cursors }: { readonly userId: string; readonly cursors: Cursors },
  ): ReadonlyArray<Omit<Cursor, 'channel'>> {
    const { rooms, log } = this.#options
    rooms.forget(roomId)
    this.#told.delete(roomId)
    const going = events.findLast((event) => ['leave', 'ban'].includes(membershipOf(event, userId) ?? ''))
    if (going && going.sender !== userId) {
      const text = going.content['membership'] === 'ban' ? 'was banned from' : 'was put out of'
      log.info({ channel: 'matrix', room: roomId }, `the bot ${text} a room by ${going.sender}`)
    }
    return [
      ...(cursors.mark(roomId) === null ? [] : [Cursors.noMark(roomId)]),
      ...(cursors.invitation(roomId) ? [Cursors.invitation(roomId, null)] : []),
    ]
  }

  /** A hundred encrypted messages are one reason to speak, and need no hundred looks into the store. */
  #oncePerRoom(items: readonly Delivered[]): readonly Delivered[] {
    const told = new Set(this.#told)
    return items.filter((item) => {
      if (!isEncryptedRoom(item) || item.kind !== 'message') return true
      const first = !told.has(item.address)
      told.add(item.address)
      return first
    })
  }
}

/** Where a person can be found in private, for what is to be said to nobody else. */
function privateRooms(items: readonly Delivered[], cursors: Cursors): ReadonlyArray<Omit<Cursor, 'channel'>> {
  const rooms = new Map<string, string>()
  for (const item of items) {
    if (item.kind === 'message' && item.chat.kind === 'private') rooms.set(item.person.id, item.chat.id)
  }
  return [...rooms]
    .filter(([person, roomId]) => cursors.privateRoom(person) !== roomId)
    .map(([person, roomId]) => Cursors.privateRoom(person, roomId))
}
