import type { Receiver } from '../../conversation/receiver.ts'
import type { Cursor } from '../../inbox/arrival.ts'
import { SECOND } from '../../support/clock.ts'
import { messageOf } from '../../support/errors.ts'
import { newId } from '../../support/ids.ts'
import type { Secret } from '../../support/secret.ts'
import type { Channel } from '../channel.ts'
import { Rereader } from '../kit/intake/rereader.ts'
import { PushChannel, type PushChannelOptions } from '../kit/push-channel.ts'
import { TypingPace } from '../kit/send/pacer.ts'
import { parseAddress } from './address.ts'
import { MatrixClient } from './api/client.ts'
import { isClosed } from './api/failure.ts'
import { createFileLoader } from './intake/media.ts'
import { Invitations } from './rooms/invitations.ts'
import { PrivateRooms } from './rooms/private-rooms.ts'
import { Rooms } from './rooms/rooms.ts'
import { splitMarkdown } from './send/format.ts'
import { Pacing } from './send/pacing.ts'
import { MatrixReactions } from './send/reactions.ts'
import { Sender } from './send/sender.ts'
import { Batches } from './sync/batches.ts'
import type { Cursors } from './sync/cursors.ts'
import { History } from './sync/history.ts'
import { SyncLoop } from './sync/sync-loop.ts'

/** What clients commonly ask for, and proxies tolerate. */
const DEFAULT_WAIT_MS = 30 * SECOND
/** Every step is an event for all servers in the room, so they are few. */
const DRAFT_INTERVAL_MS = 2_500
/** The indicator is shown for ten seconds; asked for more often, it is left out. */
const TYPING_INTERVAL_MS = 5 * SECOND

export interface MatrixOptions extends PushChannelOptions {
  readonly token: Secret
  /** The homeserver's client API, such as `https://matrix.example.org`. */
  readonly apiRoot: string
  /** Who may bring the bot into rooms; null = everybody. */
  readonly welcome: ReadonlySet<string> | null
  /** Rooms into which everybody may bring it. */
  readonly openRooms: ReadonlySet<string>
  /** The cursors of this channel as they were stored last. @throws StoreError */
  readonly readCursors: () => Promise<ReadonlyArray<Omit<Cursor, 'channel'>>>
  /** Stores a cursor that comes with nothing. Durable when it resolves. @throws StoreError */
  readonly writeCursor: (name: string, value: string) => Promise<void>
  /** How long the server may keep an empty answer back, in milliseconds. */
  readonly waitMs?: number
  readonly fetch?: typeof fetch
}

/** The channel `matrix`: long polling of `/sync` in, events out. */
export function createMatrixChannel(options: MatrixOptions): Channel {
  return new MatrixChannel(options)
}

class MatrixChannel extends PushChannel {
  readonly channel = 'matrix'
  readonly draftIntervalMs = DRAFT_INTERVAL_MS
  protected readonly sender: Sender
  readonly reactions: MatrixReactions
  readonly #client: MatrixClient
  readonly #pacing: Pacing
  readonly #rooms: Rooms
  readonly #loop: SyncLoop
  readonly #rereader: Rereader
  readonly #invitations: Invitations
  readonly #privateRooms: PrivateRooms
  readonly #typing: TypingPace
  #receiver: Receiver | null = null
  #cursors: Cursors | null = null
  #userId: string | null = null

  constructor(options: MatrixOptions) {
    super(options)
    const { clock, log, random } = this
    const { welcome, openRooms } = options
    const client = (this.#client = new MatrixClient(options))
    this.#pacing = new Pacing(clock)
    this.#typing = new TypingPace(clock, TYPING_INTERVAL_MS)
    this.#rooms = new Rooms(client)
    const privateRooms = (this.#privateRooms = new PrivateRooms(client, log))
    const processId = newId(clock.now())
    this.sender = new Sender({
      client,
      pacing: this.#pacing,
      privateRoomOf: (userId, signal) => privateRooms.of(userId, signal),
      processId,
    })
    this.reactions = new MatrixReactions({
      client,
      pacing: this.#pacing,
      log,
      userId: () => this.#userId,
      processId,
    })
    const common = { client, clock, log, random }
    this.#invitations = new Invitations({
      ...common,
      isWelcome: (userId, roomId) => welcome === null || welcome.has(userId) || openRooms.has(roomId),
    })
    this.#loop = new SyncLoop({
      ...common,
      waitMs: options.waitMs ?? DEFAULT_WAIT_MS,
      batches: new Batches({
        rooms: this.#rooms,
        history: new History({
          client,
          note: (room, text) => log.warn({ channel: this.channel, room }, text),
        }),
        load: createFileLoader({ ...common, signal: () => this.signal }),
        clock,
        random,
        log,
        onDeleted: (eventId) => this.sender.deleted(eventId),
      }),
      readCursors: options.readCursors,
      writeCursor: options.writeCursor,
      onReady: (userId, cursors) => this.#ready(userId, cursors),
      onStored: () => this.#invitations.wake(),
      onStatus: (status) => this.report(status),
    })
    this.#rereader = new Rereader({
      ...common,
      channel: this.channel,
      inputs: options.inputs,
      read: (input, signal) => this.#loop.reread(input, signal),
    })
  }

  protected run(receiver: Receiver, signal: AbortSignal): Promise<unknown> {
    this.#receiver = receiver
    this.#cursors = null
    this.#rooms.clear()
    this.sender.clear()
    return Promise.all([
      this.#loop.run(receiver, signal),
      this.#rereader.run(receiver, signal),
      this.#invitations.run(receiver, () => this.#cursors, signal),
    ])
  }

  protected account(): string | null {
    return this.#userId
  }

  split(text: string): readonly string[] {
    return splitMarkdown(text)
  }

  typing(address: string): void {
    const roomId = parseAddress(address)?.roomId
    if (roomId === undefined || this.#userId === null) return
    if (!this.#pacing.isOpen() || !this.#typing.tryShow(roomId)) return
    this.#client.typing(roomId, this.#userId, this.signal).catch(() => {})
  }

  /** Only who has the power of a moderator in the room deletes what others wrote. */
  async remove(address: string, platformId: string): Promise<boolean | 'never'> {
    const target = parseAddress(address)
    if (!target) return 'never'
    try {
      // The same for each try: it is redacted once.
      await this.#client.redact(target.roomId, platformId, `r${platformId}`, new AbortController().signal)
      return true
    } catch (error) {
      this.log.debug({ channel: this.channel }, messageOf(error))
      return isClosed(error) ? 'never' : false
    }
  }

  #ready(userId: string, cursors: Cursors): void {
    this.#userId = userId
    this.#cursors = cursors
    this.#privateRooms.remember(cursors, this.#receiver!)
    this.#invitations.wake()
    this.statusChanged()
  }
}
