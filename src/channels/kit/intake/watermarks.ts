import type { InboundEvent, Receiver } from '../../../conversation/receiver.ts'
import type { Cursor } from '../../../inbox/arrival.ts'
import type { ParkedInput } from '../../../inbox/parked-inputs.ts'
import { backoffDelay } from '../../../support/backoff.ts'
import { sleep, type Clock } from '../../../support/clock.ts'
import { RowRefused } from '../../../support/errors.ts'
import { backoffFor, isStoreTrouble, RETRY } from '../retry.ts'
import { STORE_TRIES } from './intake-loop.ts'
import { causeOf, parkedItem } from './rereader.ts'

/** One thing that happened in a place, under the platform's id for it. */
export interface Piece {
  readonly id: string
  readonly items: readonly InboundEvent[]
  /** It is in the history under this id, too (and no change of what is): found there first, it is not handed over again. */
  readonly isNew?: boolean
  /** It is said between others: nothing of it will be stored, and it costs no write. */
  readonly isQuiet?: boolean
}

/** A channel, a thread or a private chat: whatever has a history of its own. */
type Place = string

export interface WatermarkOptions {
  readonly channel: string
  readonly receiver: Receiver
  readonly clock: Clock
  /** The cursors as they were stored last; `isPlace` tells places from other cursors. */
  readonly readCursors: () => Promise<ReadonlyArray<Omit<Cursor, 'channel'>>>
  readonly isPlace: (name: string) => boolean
  /** The order of ids within a place. */
  readonly compare: (a: string, b: string) => number
  /**
   * The next pieces after `after`, oldest first. `more` says that there are further ones. Null: the
   * place is gone, or closed to the bot, and is not asked for again until something is heard from it.
   */
  readonly fetch: (
    place: Place,
    after: string,
    signal: AbortSignal,
  ) => Promise<{ readonly pieces: readonly Piece[]; readonly more: boolean } | null>
  /** The history of a place could not be read or stored; it is tried again. */
  readonly onTrouble: (place: Place, error: unknown) => void
  /** What came under this id cannot be stored or handled: it was parked, or nothing would follow it. */
  readonly onParked: (place: Place, id: string, error: unknown) => void
  /** The id right before this one in the order of `compare`. */
  readonly before: (id: string) => string
  readonly random?: () => number
}

/**
 * Pieces without anything in them move the mark in memory only, and are stored with the next thing that
 * is kept, or after so many of them: a busy room that says nothing to the bot costs no write a message,
 * and a restart reads at most a page again that was passed over before.
 */
const UNSTORED_PIECES = 100
/** Places read at the same time: platforms limit this by the second, and live messages must get through. */
const PARALLEL = 4

interface State {
  /** Everything up to here is stored, or was nothing to be stored. */
  mark: string | null
  /** Pieces without content behind the stored mark. */
  unstored: number
  /** What comes live continues from `mark`. False: history comes first. */
  current: boolean
  /** How often the connection was lost: what was read before the last time may end before a gap. */
  gaps: number
  /** New pieces that arrived live and were not stored yet. */
  readonly waiting: Set<string>
  /** What could not be handled last, and how often. */
  failing: { readonly id: string; readonly failures: number } | null
  /** Work on this place, one thing after the other. */
  tail: Promise<unknown>
}

/**
 * For platforms that acknowledge nothing: how far each place was stored *without a gap*. After every
 * start and every reconnect the history after that mark is fetched; what comes live in the meantime waits
 * behind it, so that the mark never jumps over something that was missed.
 */
export class Watermarks {
  readonly #options: WatermarkOptions
  readonly #places = new Map<Place, State>()
  #loaded = false

  constructor(options: WatermarkOptions) {
    this.#options = options
  }

  /** Reads the stored marks, once. @throws StoreError */
  async load(): Promise<void> {
    if (this.#loaded) return
    for (const { name, value } of await this.#options.readCursors()) {
      if (this.#options.isPlace(name) && !this.#places.has(name)) this.#places.set(name, fresh(value))
    }
    this.#loaded = true
  }

  has(place: Place): boolean {
    return this.#places.has(place)
  }

  /** The stored mark; null: nothing is known of the place. */
  mark(place: Place): string | null {
    return this.#places.get(place)?.mark ?? null
  }

  /**
   * A place is seen for the first time, and nothing up to `id` is for the bot. Durable when it
   * resolves. A known place is not changed.
   *
   * @throws StoreError
   */
  async begin(place: Place, id: string): Promise<void> {
    await this.#inTurn(this.#place(place), async (state) => {
      if (state.mark !== null) return
      await this.#store(place, state, { id, items: [] }, id)
    })
  }

  /**
   * What comes live may follow a gap until the history was read. To be called when a connection
   * begins, before anything comes through it: a history that somebody read while nobody listened
   * says nothing about what came after it.
   */
  lost(): void {
    for (const state of this.#places.values()) {
      state.current = false
      state.gaps++
    }
  }

  /** The platform names the newest thing of a place: where that is stored already, no history is read. */
  newest(place: Place, id: string): void {
    const state = this.#places.get(place)
    if (state) state.current = !this.#isAfter(id, state)
  }

  /**
   * Reads what was missed in every known place (of those that `where` names), those that were heard
   * last first. Resolves when all are current, or when `signal` is aborted; trouble with one place is
   * tried again and does not hold up the others.
   */
  async catchUp(signal: AbortSignal, where: (place: Place) => boolean = () => true): Promise<void> {
    const { compare } = this.#options
    const behind = [...this.#places]
      .filter(([place, state]) => !state.current && where(place))
      .toSorted(([, a], [, b]) => compare(b.mark ?? '', a.mark ?? ''))
      .map(([place]) => place)
    let next = 0
    const reader = async () => {
      while (next < behind.length && !signal.aborted) await this.#catchUpOne(behind[next++]!, signal)
    }
    await Promise.all(Array.from({ length: PARALLEL }, reader))
  }

  /**
   * Something arrived live. Resolves when it is durable, which may be after the history of its place.
   * The first thing that is ever heard from a place is in no history after a mark: it is kept in memory
   * until it is stored.
   *
   * @throws what the store threw when it was not stored; it will be found in the history then
   */
  async live(place: Place, piece: Piece, signal: AbortSignal): Promise<void> {
    const state = this.#place(place)
    if (piece.isNew) state.waiting.add(piece.id)
    try {
      let stored = false
      while (!stored && !signal.aborted) {
        if (!state.current && state.mark !== null) await this.#catchUpOne(place, signal)
        stored = await this.#inTurn(state, () => this.#storeLive(place, state, piece, signal))
      }
    } finally {
      state.waiting.delete(piece.id)
    }
  }

  /** What a parked input delivers now; null: the place does not show it any more. @throws what `fetch` throws */
  async reread({ place, input }: ParkedInput, signal: AbortSignal): Promise<readonly InboundEvent[] | null> {
    const { fetch, before } = this.#options
    const page = place === null ? null : await fetch(place, before(input), signal)
    return page?.pieces.find(({ id }) => id === input)?.items ?? null
  }

  /** Nothing is known of what came before in a place that is seen for the first time. */
  async #first(place: Place, state: State, piece: Piece, signal: AbortSignal): Promise<void> {
    const { gaps } = state
    for (let failures = 0; !signal.aborted;) {
      try {
        await this.#store(place, state, piece, piece.id)
        state.current = state.gaps === gaps
        if (!state.current) void this.#catchUpOne(place, signal)
        return
      } catch (error) {
        await this.#afterTrouble(place, error, ++failures, signal)
      }
    }
  }

  /** False: the one before it failed in the meantime, and must not be jumped over. */
  async #storeLive(place: Place, state: State, piece: Piece, signal: AbortSignal): Promise<boolean> {
    if (state.mark === null) return this.#first(place, state, piece, signal).then(() => true)
    if (!state.current || signal.aborted) return false
    if (piece.isNew && !state.waiting.has(piece.id)) return true
    try {
      await this.#store(place, state, piece, this.#isAfter(piece.id, state) ? piece.id : null)
      return true
    } catch (error) {
      state.current = false
      void this.#catchUpOne(place, signal)
      throw error
    }
  }

  async #catchUpOne(place: Place, signal: AbortSignal): Promise<void> {
    const { fetch } = this.#options
    await this.#inTurn(this.#place(place), async (state) => {
      for (let failures = 0; !state.current && state.mark !== null && !signal.aborted;) {
        const { gaps } = state
        try {
          const page = await fetch(place, state.mark, signal)
          for (const piece of page?.pieces ?? []) {
            if (signal.aborted) return
            if (!this.#isAfter(piece.id, state)) continue
            await this.#store(place, state, piece, piece.id)
            state.waiting.delete(piece.id)
          }
          failures = 0
          if (!page?.more) state.current = state.gaps === gaps
        } catch (error) {
          if (signal.aborted) return
          await this.#afterTrouble(place, error, ++failures, signal)
        }
      }
    })
  }

  async #afterTrouble(place: Place, error: unknown, failures: number, signal: AbortSignal): Promise<void> {
    const { onTrouble, clock, random = Math.random } = this.#options
    onTrouble(place, error)
    await sleep(clock, backoffDelay(failures, backoffFor(error, RETRY), random()), signal).catch(() => {})
  }

  /** Stores what came and how far the place was read, in one transaction. */
  async #store(place: Place, state: State, piece: Piece, mark: string | null): Promise<void> {
    const { id, items, isQuiet = items.length === 0 } = piece
    if (mark !== null && isQuiet && state.mark !== null && state.unstored < UNSTORED_PIECES) {
      if (items.length > 0) await this.#receive(place, state, id, items, [])
      state.mark = mark
      state.unstored++
      return
    }
    const cursors = mark === null ? [] : [{ name: place, value: mark }]
    await this.#receive(place, state, id, items, cursors)
    if (mark === null) return
    state.mark = mark
    state.unstored = 0
  }

  async #receive(
    place: Place,
    state: State,
    id: string,
    items: readonly InboundEvent[],
    cursors: ReadonlyArray<Omit<Cursor, 'channel'>>,
  ): Promise<void> {
    const { receiver, channel, clock, onParked } = this.#options
    try {
      await receiver.receive(channel, items, cursors)
      state.failing = null
    } catch (error) {
      if (items.length === 0 || !isGivenUp(state, id, error)) throw error
      const parked = parkedItem({ channel, place, input: id, at: clock.now() }, causeOf(error))
      await receiver.receive(channel, items.some(isMessage) ? [parked] : [], cursors)
      state.failing = null
      onParked(place, id, error)
    }
  }

  #isAfter(id: string, state: State): boolean {
    return state.mark === null || this.#options.compare(id, state.mark) > 0
  }

  #place(place: Place): State {
    let state = this.#places.get(place)
    if (!state) this.#places.set(place, (state = fresh(null)))
    return state
  }

  #inTurn<Result>(state: State, work: (state: State) => Promise<Result>): Promise<Result> {
    const turn = state.tail.then(() => work(state))
    state.tail = turn.catch(() => {})
    return turn
  }
}

function fresh(mark: string | null): State {
  const work = { waiting: new Set<string>(), tail: Promise.resolve() }
  return { mark, unstored: 0, current: false, gaps: 0, failing: null, ...work }
}

/** Nothing but the store's own trouble is waited for: everything else would block its place. */
function isGivenUp(state: State, id: string, error: unknown): boolean {
  if (error instanceof RowRefused) return true
  if (isStoreTrouble(error)) return false
  const failures = state.failing?.id === id ? state.failing.failures + 1 : 1
  state.failing = { id, failures }
  return failures >= STORE_TRIES
}

/** The history brings it back. What changes another message is in no history. */
function isMessage(item: InboundEvent): boolean {
  return item.kind === 'message' || (item.kind === 'unread' && !item.isEdit)
}
