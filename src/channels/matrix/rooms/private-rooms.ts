import type { Receiver } from '../../../conversation/receiver.ts'
import { messageOf } from '../../../support/errors.ts'
import type { Log } from '../../../support/log.ts'
import type { MatrixClient } from '../api/client.ts'
import { MatrixFailure } from '../api/failure.ts'
import { Cursors } from '../sync/cursors.ts'

/** Rooms that are looked through for a person's private one. */
const MOST_LOOKED_AT = 200

/** Where a person can be written to without anybody else reading it. */
export class PrivateRooms {
  readonly #client: MatrixClient
  readonly #log: Log
  readonly #found = new Map<string, string>()
  #cursors: Cursors | null = null
  #receiver: Receiver | null = null

  constructor(client: MatrixClient, log: Log) {
    this.#client = client
    this.#log = log
  }

  /** What was remembered, and who remembers from now on. */
  remember(cursors: Cursors, receiver: Receiver): void {
    this.#cursors = cursors
    this.#receiver = receiver
  }

  /**
   * The private room of a person: the one in which they wrote last, else one that is there, else a
   * new one without encryption, to which they are invited.
   *
   * @throws MatrixFailure when the server does not make one
   */
  async of(userId: string, signal: AbortSignal): Promise<string> {
    const known = this.#cursors?.privateRoom(userId) ?? this.#found.get(userId)
    if (known !== undefined) return known
    const roomId =
      (await this.#find(userId, signal)) ?? (await this.#client.createPrivateRoom(userId, signal))
    this.#found.set(userId, roomId)
    const stored = [Cursors.privateRoom(userId, roomId)]
    try {
      await this.#receiver?.receive('matrix', [], stored)
      this.#cursors?.apply(stored)
    } catch (error) {
      // It is looked for again after a restart.
      this.#log.debug({ channel: 'matrix' }, messageOf(error))
    }
    return roomId
  }

  async #find(userId: string, signal: AbortSignal): Promise<string | null> {
    const rooms = await this.#client.joinedRooms(signal)
    for (const roomId of rooms.slice(0, MOST_LOOKED_AT)) {
      const members = await this.#client.members(roomId, signal).catch((error: unknown) => {
        if (error instanceof MatrixFailure && error.kind === 'forbidden') return null
        throw error
      })
      if (members?.size === 2 && members.has(userId)) return roomId
    }
    return null
  }
}
