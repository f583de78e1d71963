import type { MatrixClient } from '../api/client.ts'
import { membershipOf, recordOf, type MatrixEvent, type Timeline } from '../api/events.ts'
import { isClosed } from '../api/failure.ts'
import { NOTHING_SAID } from './cursors.ts'

/** Events of one page of history: what servers give at most, more or less. */
const PAGE = 100
/** Twenty thousand events in one room since the last start: beyond that it is no chat any more. */
const MOST_PAGES = 200

export interface HistoryOptions {
  readonly client: Pick<MatrixClient, 'history'>
  /** Logs what needs no other reaction. */
  readonly note: (roomId: string, text: string) => void
}

/** What was said in a room since it was last read, with the gaps that answers have filled from its history. */
export class History {
  readonly #options: HistoryOptions

  constructor(options: HistoryOptions) {
    this.#options = options
  }

  /**
   * All events of a known room since `mark` and the position `since`, oldest first. Either is enough
   * to know where to end: not every server heeds the position, and the event may have been removed.
   *
   * @throws MatrixFailure when the history cannot be read now
   */
  async sinceMark(
    roomId: string,
    timeline: Timeline,
    ends: { readonly mark: string; readonly since: string | null },
    signal: AbortSignal,
  ): Promise<readonly MatrixEvent[]> {
    if (ends.since === null) return this.#sinceMark(roomId, timeline, ends.mark, signal)
    if (!timeline.limited || timeline.before === null) return timeline.events
    // Some servers mark an answer as limited although it contains the marked event.
    if (timeline.events.some((event) => event.event_id === ends.mark)) return timeline.events
    const older: MatrixEvent[] = []
    await this.#walk(roomId, timeline.before, ends.since, signal, (event) => {
      if (event.event_id === ends.mark) return true
      older.push(event)
      return false
    })
    return inOrder(older, timeline.events)
  }

  /** The position was lost: only the marked event tells what is new. */
  async #sinceMark(
    roomId: string,
    timeline: Timeline,
    mark: string,
    signal: AbortSignal,
  ): Promise<readonly MatrixEvent[]> {
    const newer: MatrixEvent[] = []
    const isMark = (event: MatrixEvent) => {
      if (event.event_id === mark) return true
      newer.push(event)
      return false
    }
    const found =
      timeline.events.toReversed().some(isMark) ||
      (timeline.before !== null && (await this.#walk(roomId, timeline.before, null, signal, isMark)))
    if (found || mark === NOTHING_SAID) return newer.toReversed()
    this.#options.note(
      roomId,
      'where the bot has left off cannot be found any more; it starts from here again',
    )
    return []
  }

  /**
   * All events of a room that the bot has just come into, from the invitation on: who opens a
   * private room often writes before the bot is there. Without an invitation, from the bot's coming.
   *
   * @throws MatrixFailure when the history cannot be read now
   */
  async sinceInvitation(
    roomId: string,
    timeline: Timeline,
    userId: string,
    signal: AbortSignal,
  ): Promise<readonly MatrixEvent[]> {
    const newest: MatrixEvent[] = []
    let atComing: number | null = null
    const isBegin = (event: MatrixEvent): boolean => {
      const membership = membershipOf(event, userId)
      const before = recordOf(recordOf(event.unsigned)['prev_content'])['membership']
      if (membership === 'leave' || membership === 'ban') return true
      if (membership === 'invite') {
        atComing = null
        return true
      }
      // A new name or picture is a membership event as well.
      if (membership === 'join' && before !== 'join') {
        atComing = newest.length
        if (before !== undefined && before !== 'invite') return true
      }
      newest.push(event)
      return false
    }
    const found = timeline.events.toReversed().some(isBegin)
    const complete =
      found ||
      timeline.before === null ||
      (await this.#walk(roomId, timeline.before, null, signal, isBegin, FEW_PAGES))
    const known = atComing ?? (complete ? newest.length : 0)
    return newest.slice(0, known).toReversed()
  }

  /** Goes back in time until `visit` says true, or nothing is left. @returns whether it said true */
  async #walk(
    roomId: string,
    from: string,
    to: string | null,
    signal: AbortSignal,
    visit: (event: MatrixEvent) => boolean,
    mostPages = MOST_PAGES,
  ): Promise<boolean> {
    let at = from
    for (let pages = 0; pages < mostPages; pages++) {
      const page = await this.#page(roomId, at, to, signal)
      if (page?.events.some(visit)) return true
      // Some servers answer the end with the position that was asked for.
      if (!page?.end || page.end === at) return false
      at = page.end
    }
    this.#options.note(roomId, 'more was said than can be looked through; what is older is passed over')
    return false
  }

  async #page(
    roomId: string,
    from: string,
    to: string | null,
    signal: AbortSignal,
  ): Promise<Awaited<ReturnType<MatrixClient['history']>> | null> {
    try {
      return await this.#options.client.history(roomId, { from, to, limit: PAGE }, signal)
    } catch (error) {
      if (!isClosed(error)) throw error
      // Some servers reject the position of an answer as an end; the marked event is one, too.
      if (error.kind === 'rejected' && to !== null) return this.#page(roomId, from, null, signal)
      this.#options.note(roomId, `the history cannot be read: ${error.message}`)
      return null
    }
  }
}

/** An invitation lies close behind the coming. */
const FEW_PAGES = 10

/** `older` is newest first, and may reach into what follows. */
function inOrder(older: readonly MatrixEvent[], newer: readonly MatrixEvent[]): readonly MatrixEvent[] {
  const known = new Set(newer.map((event) => event.event_id))
  return [...older.filter((event) => !known.has(event.event_id)).toReversed(), ...newer]
}
