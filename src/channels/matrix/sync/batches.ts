import type { Chat, InboundEvent, Person } from '../../../conversation/receiver.ts'
import type { Cursor } from '../../../inbox/arrival.ts'
import type { ParkedInput } from '../../../inbox/parked-inputs.ts'
import type { Clock } from '../../../support/clock.ts'
import { messageOf } from '../../../support/errors.ts'
import type { Log } from '../../../support/log.ts'
import type { ReadingMark } from '../../kit/intake/reading-mark.ts'
import { parkedItem } from '../../kit/intake/rereader.ts'
import { isStoreTrouble } from '../../kit/retry.ts'
import { membershipOf, NEWEST, type MatrixEvent, type SyncAnswer, type Timeline } from '../api/events.ts'
import { MatrixFailure } from '../api/failure.ts'
import type { FileLoader } from '../intake/media.ts'
import {
  encryptedRoom,
  isEncryptedRoom,
  isEncryptionOn,
  mapEvent,
  outlineEvent,
  type MappingContext,
} from '../intake/receive.ts'
import type { Rooms } from '../rooms/rooms.ts'
import { Cursors } from './cursors.ts'
import { FailingRooms } from './failing-rooms.ts'
import type { History } from './history.ts'

/** What one answer of `/sync` gives to be stored, in one transaction with its position. */
export interface Batch {
  readonly items: readonly InboundEvent[]
  readonly cursors: ReadonlyArray<Omit<Cursor, 'channel'>>
}

/** Whose answer it is. */
interface Account {
  readonly userId: string
  /** The position that the answer follows; null = the first ever of this account, or it was lost. */
  readonly since: string | null
  readonly cursors: Cursors
  readonly mayTalk: (person: Person, chat: Pick<Chat, 'id' | 'kind'>) => Promise<boolean>
  readonly mark: ReadingMark
}

/** For a room of which nothing but its history is to be read. */
const HISTORY_ALONE: Timeline = { events: [], limited: true, before: NEWEST }

export interface BatchOptions {
  readonly rooms: Rooms
  readonly history: History
  readonly load: FileLoader
  readonly clock: Clock
  readonly random: () => number
  readonly log: Log
  /** A message was deleted by somebody. */
  readonly onDeleted: (eventId: string) => void
}

/** Turns answers of the server into what is stored. */
export class Batches {
  readonly #options: BatchOptions
  /** Rooms that were already notified that they are encrypted. */
  readonly #notified = new Set<string>()
  readonly #failingRooms: FailingRooms

  constructor(options: BatchOptions) {
    this.#options = options
    this.#failingRooms = new FailingRooms(options.clock, options.random)
  }

  /**
   * @throws MatrixFailure when the server has to be asked further and cannot be
   */
  async of(answer: SyncAnswer, account: Account, signal: AbortSignal): Promise<Batch> {
    const { cursors } = account
    const items: InboundEvent[] = []
    const stored: Array<Omit<Cursor, 'channel'>> = []
    const add = ({ items: found, cursors: own }: Batch) => {
      items.push(...found)
      stored.push(...own)
    }
    for (const [roomId, { timeline, state }] of answer.joined) {
      // What is said where the bot is behind is read from the history, in its order.
      if (!cursors.isBehind(roomId)) add(await this.#room(roomId, timeline, state, account, signal))
    }
    for (const roomId of cursors.roomsBehind()) {
      if (answer.left.has(roomId) || !this.#failingRooms.isDue(roomId)) continue
      add(await this.#room(roomId, HISTORY_ALONE, [], { ...account, since: null }, signal))
    }
    stored.push(...this.#comingAndGoing(answer, account))
    return { items: this.#oncePerRoom(items), cursors: stored }
  }

  /** An answer without events: what was said is read from the history of every room, where nothing of it is lost. */
  behind(answer: SyncAnswer, account: Account): Batch {
    const known = account.cursors.knownRooms()
    const others = [...answer.joined.keys()].filter((roomId) => !known.includes(roomId))
    // Where the gateway looks for the first time, nothing that was said before is for it.
    const begun = (roomId: string) =>
      account.since === null ? Cursors.mark(roomId, null) : Cursors.behind(roomId, true)
    const cursors = [
      ...known.filter((roomId) => !answer.left.has(roomId)).map((roomId) => Cursors.behind(roomId, true)),
      ...others.map(begun),
    ]
    return { items: [], cursors: [...cursors, ...this.#comingAndGoing(answer, account)] }
  }

  #comingAndGoing(answer: SyncAnswer, account: Account): Array<Omit<Cursor, 'channel'>> {
    const stored: Array<Omit<Cursor, 'channel'>> = []
    for (const [roomId, events] of answer.invited) {
      const by = events.find((event) => membershipOf(event, account.userId) === 'invite')?.sender
      if (by === undefined || /\s/.test(by)) continue
      stored.push(Cursors.invitation(roomId, { state: 'open', by }))
    }
    for (const [roomId, events] of answer.left) {
      stored.push(...this.#left(roomId, events, account))
    }
    return stored
  }

  /** One room's share; a room that only the server is to blame for may stay behind. */
  async #room(
    roomId: string,
    timeline: Timeline,
    state: readonly MatrixEvent[],
    account: Account,
    signal: AbortSignal,
  ): Promise<Batch> {
    const { cursors } = account
    try {
      const batch = await this.#read(roomId, timeline, state, account, signal)
      this.#failingRooms.recovered(roomId)
      const was = cursors.isBehind(roomId) ? [Cursors.behind(roomId, false)] : []
      return { ...batch, cursors: [...batch.cursors, ...was] }
    } catch (error) {
      const left = this.#failingRooms.mayStayBehind(roomId, error)
      if (cursors.isBehind(roomId) && error instanceof MatrixFailure) return { items: [], cursors: [] }
      if (!left) throw error
      this.#options.log.error(
        { channel: 'matrix', room: roomId },
        `the homeserver cannot read a room, which waits until it can: ${messageOf(error)}`,
      )
      return { items: [], cursors: [Cursors.behind(roomId, true)] }
    }
  }

  async #read(
    roomId: string,
    timeline: Timeline,
    state: readonly MatrixEvent[],
    account: Account,
    signal: AbortSignal,
  ): Promise<Batch> {
    const { cursors, userId, since } = account
    const events = await this.#eventsOf(roomId, timeline, account, signal)
    this.#observe(roomId, [...state, ...events])
    const items = await this.#map(roomId, events, account, signal)
    const isNew = cursors.mark(roomId) === null
    if (isNew && since !== null && [...state, ...timeline.events].some(isEncryptionOn)) {
      items.push(...(await this.#greetEncrypted(roomId, timeline.events, account, signal)))
    }
    const stored: Array<Omit<Cursor, 'channel'>> = []
    const last = timeline.events.at(-1) ?? events.at(-1)
    // What is only the bot's own doing is not worth a write to the disk.
    if (isNew || events.some(({ sender }) => sender !== userId)) {
      stored.push(Cursors.mark(roomId, last?.event_id ?? null))
    }
    if (cursors.invitation(roomId)) stored.push(Cursors.invitation(roomId, null))
    stored.push(...privateRooms(items, cursors))
    return { items, cursors: stored }
  }

  /** The notice for this room is stored. */
  notified(roomId: string): void {
    this.#notified.add(roomId)
  }

  async #eventsOf(
    roomId: string,
    timeline: Timeline,
    { userId, since, cursors }: Account,
    signal: AbortSignal,
  ): Promise<readonly MatrixEvent[]> {
    const { history } = this.#options
    const mark = cursors.mark(roomId)
    if (mark !== null) return history.sinceMark(roomId, timeline, { mark, since }, signal)
    // What was said before the gateway ever looked is not answered, unless it was invited to hear it.
    if (since === null && !cursors.invitation(roomId) && !cursors.isBehind(roomId)) return []
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
    account: Account,
    signal: AbortSignal,
  ): Promise<InboundEvent[]> {
    const { userId } = account
    const items: InboundEvent[] = []
    if (events.every(({ sender }) => sender === userId)) return items
    const context = await this.#contextOf(roomId, userId, signal)
    for (const event of events) {
      if (event.sender === userId) continue
      try {
        const item = await this.#item(event, context, account)
        if (item) items.push(item)
      } catch (error) {
        if (error instanceof MatrixFailure || isStoreTrouble(error) || signal.aborted) throw error
        // One malformed event must not block all others.
        this.#options.log.error(
          { channel: 'matrix', event: event.event_id },
          `an event of an unknown shape was passed over: ${messageOf(error)}`,
        )
      }
    }
    return items
  }

  async #item(
    event: MatrixEvent,
    context: MappingContext,
    { mark, mayTalk }: Account,
  ): Promise<InboundEvent | null> {
    const { clock, log } = this.#options
    if ((await mark.begin(event.event_id)) !== 'whole') {
      log.error({ channel: 'matrix', event: event.event_id }, 'parked: the gateway ended twice on this')
      // The homeserver keeps it: nothing of it is read.
      const known = { channel: 'matrix', place: context.roomId, input: event.event_id, at: clock.now() }
      return parkedItem(known, 'ended')
    }
    const outline = outlineEvent(event, context)
    if (outline !== null && !(await mayTalk(outline.person, outline.chat))) return outline
    return mapEvent(event, context)
  }

  /** What a parked event delivers now; null: the homeserver does not show it any more. @throws MatrixFailure */
  async reread(
    { place, input }: ParkedInput,
    userId: string,
    signal: AbortSignal,
  ): Promise<readonly InboundEvent[] | null> {
    const event = place === null ? null : await this.#options.rooms.event(place, input, signal)
    if (place === null || event === null) return null
    const context = await this.#contextOf(place, userId, signal)
    const item = outlineEvent(event, context) ?? (await mapEvent(event, context))
    return item === null ? [] : [item]
  }

  async #greetEncrypted(
    roomId: string,
    events: readonly MatrixEvent[],
    { userId, cursors }: Account,
    signal: AbortSignal,
  ): Promise<readonly InboundEvent[]> {
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
      event: (eventId) => rooms.event(roomId, eventId, signal),
      recall: (eventId) => rooms.recall(roomId, eventId),
    }
  }

  #left(
    roomId: string,
    events: readonly MatrixEvent[],
    { userId, cursors }: Account,
  ): ReadonlyArray<Omit<Cursor, 'channel'>> {
    const { rooms, log } = this.#options
    rooms.forget(roomId)
    this.#notified.delete(roomId)
    const going = events.findLast((event) => ['leave', 'ban'].includes(membershipOf(event, userId) ?? ''))
    if (going && going.sender !== userId) {
      const text = going.content['membership'] === 'ban' ? 'was banned from' : 'was put out of'
      log.info({ channel: 'matrix', room: roomId }, `the bot ${text} a room by ${going.sender}`)
    }
    return [
      ...(cursors.mark(roomId) === null ? [] : [Cursors.noMark(roomId)]),
      ...(cursors.isBehind(roomId) ? [Cursors.behind(roomId, false)] : []),
      ...(cursors.invitation(roomId) ? [Cursors.invitation(roomId, null)] : []),
    ]
  }

  /** A hundred encrypted messages cause one notice and need no hundred queries. */
  #oncePerRoom(items: readonly InboundEvent[]): readonly InboundEvent[] {
    const notified = new Set(this.#notified)
    return items.filter((item) => {
      if (!isEncryptedRoom(item) || item.kind !== 'message') return true
      const first = !notified.has(item.address)
      notified.add(item.address)
      return first
    })
  }
}

/** The private room of each person, for messages that nobody else may read. */
function privateRooms(
  items: readonly InboundEvent[],
  cursors: Cursors,
): ReadonlyArray<Omit<Cursor, 'channel'>> {
  const rooms = new Map<string, string>()
  for (const item of items) {
    if ('chat' in item && item.chat.kind === 'private') rooms.set(item.person.id, item.chat.id)
  }
  return [...rooms]
    .filter(([person, roomId]) => cursors.privateRoom(person) !== roomId)
    .map(([person, roomId]) => Cursors.privateRoom(person, roomId))
}
