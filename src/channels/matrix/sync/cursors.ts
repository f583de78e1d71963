import type { Cursor } from '../../../inbox/arrival.ts'

type Stored = Omit<Cursor, 'channel'>

/** The mark of a room that is known and in which nothing was said yet. */
export const NOTHING_SAID = '-'

const MARK = 'room '
const BEHIND = 'behind '
const INVITE = 'invite '
const DIRECT = 'direct '

/** An invitation that is being dealt with. */
export interface Invitation {
  readonly state: 'open' | 'joined'
  readonly by: string
}

/**
 * What is remembered over restarts, each under a name of its own:
 * `sync @bot:server` the position in the stream, bound to the account that it belongs to;
 * `room !id` the newest event that was taken in there; `behind !id` a room that could not be read so
 * far; `invite !id` an invitation; `direct @user`
 * the private room of a person. An empty value is as good as none.
 */
export class Cursors {
  readonly #values: Map<string, string>

  constructor(stored: readonly Stored[]) {
    this.#values = new Map(stored.map(({ name, value }) => [name, value]))
  }

  /** Takes over what has been stored. */
  apply(stored: readonly Stored[]): void {
    for (const { name, value } of stored) this.#values.set(name, value)
  }

  position(userId: string): string | null {
    return this.named(`sync ${userId}`)
  }

  static position(userId: string, value: string): Stored {
    return { name: `sync ${userId}`, value }
  }

  /** The newest event of a room that was taken in; null = the room is not known. An id of no event: nothing was said. */
  mark(roomId: string): string | null {
    return this.named(MARK + roomId)
  }

  static mark(roomId: string, eventId: string | null): Stored {
    return { name: MARK + roomId, value: eventId ?? NOTHING_SAID }
  }

  static noMark(roomId: string): Stored {
    return { name: MARK + roomId, value: '' }
  }

  /** Rooms that the position has passed although what was said there has not been taken in. */
  roomsBehind(): readonly string[] {
    const names = [...this.#values.keys()].filter((name) => name.startsWith(BEHIND))
    return names.filter((name) => this.named(name)).map((name) => name.slice(BEHIND.length))
  }

  /** Rooms of which the newest event is known. */
  knownRooms(): readonly string[] {
    const names = [...this.#values.keys()].filter((name) => name.startsWith(MARK))
    return names.filter((name) => this.named(name)).map((name) => name.slice(MARK.length))
  }

  isBehind(roomId: string): boolean {
    return this.named(BEHIND + roomId) !== null
  }

  static behind(roomId: string, behind: boolean): Stored {
    return { name: BEHIND + roomId, value: behind ? 'yes' : '' }
  }

  invitation(roomId: string): Invitation | null {
    const [state, by] = (this.named(INVITE + roomId) ?? '').split(' ')
    return (state === 'open' || state === 'joined') && by ? { state, by } : null
  }

  static invitation(roomId: string, invitation: Invitation | null): Stored {
    return {
      name: INVITE + roomId,
      value: invitation ? `${invitation.state} ${invitation.by}` : '',
    }
  }

  /** Rooms whose invitation nobody has answered yet. */
  openInvitations(): ReadonlyArray<{ readonly roomId: string; readonly by: string }> {
    const names = [...this.#values.keys()].filter((name) => name.startsWith(INVITE))
    return names.flatMap((name) => {
      const roomId = name.slice(INVITE.length)
      const invitation = this.invitation(roomId)
      return invitation?.state === 'open' ? [{ roomId, by: invitation.by }] : []
    })
  }

  privateRoom(userId: string): string | null {
    return this.named(DIRECT + userId)
  }

  static privateRoom(userId: string, roomId: string): Stored {
    return { name: DIRECT + userId, value: roomId }
  }

  /** As it was stored last; null: never, or emptied. */
  named(name: string): string | null {
    return this.#values.get(name) || null
  }
}
