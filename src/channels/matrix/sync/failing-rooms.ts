import { backoffDelay } from '../../../support/backoff.ts'
import { MINUTE, SECOND, type Clock } from '../../../support/clock.ts'
import { MatrixFailure, type FailureKind } from '../api/failure.ts'

/** Failures in a row of one room, while the server answers for the others, before those continue without it. */
const ROOM_TRIES = 4
/** A room that the server cannot read needs its administrator. */
const RETRY = { initialMs: 10 * SECOND, maxMs: 10 * MINUTE }

/** Failures that may be about one room alone. */
const OF_THE_ROOM: ReadonlySet<FailureKind> = new Set(['server', 'too-large'])

/**
 * Rooms that the homeserver fails to read while it answers for all others. Such a room stays behind,
 * with all that is said there, and is read from its history as soon as that works: nothing of it is
 * lost or overtaken, and nobody else waits.
 */
export class FailingRooms {
  readonly #clock: Clock
  readonly #random: () => number
  readonly #failures = new Map<string, number>()
  /** Monotonic: a room is not tried again before. */
  readonly #notBefore = new Map<string, number>()

  constructor(clock: Clock, random: () => number) {
    this.#clock = clock
    this.#random = random
  }

  /** Whether a room may stay behind after this failure; false: all of the answer is tried again. */
  mayStayBehind(roomId: string, error: unknown): boolean {
    if (!(error instanceof MatrixFailure) || !OF_THE_ROOM.has(error.kind)) return false
    const failures = (this.#failures.get(roomId) ?? 0) + 1
    this.#failures.set(roomId, failures)
    const waitMs = backoffDelay(Math.max(1, failures - ROOM_TRIES), RETRY, this.#random())
    this.#notBefore.set(roomId, this.#clock.monotonic() + waitMs)
    return failures >= ROOM_TRIES
  }

  /** The room was read. */
  recovered(roomId: string): void {
    this.#failures.delete(roomId)
    this.#notBefore.delete(roomId)
  }

  isDue(roomId: string): boolean {
    return (this.#notBefore.get(roomId) ?? -Infinity) <= this.#clock.monotonic()
  }
}
