import { MINUTE, SECOND, type Clock, type Timer } from '../../support/clock.ts'
import type { ConversationId } from '../message.ts'
import type { ConversationEvents } from './conversation-events.ts'
import type { Fleet, FleetNews } from './fleet.ts'

/** Pieces of an answer are collected for this long before they are sent: still faster than a person reads. */
const GATHERED_MS = 100
/** Several pieces fit into one notification, whatever the characters. */
const MAX_PIECE = 1_500
/** The stored answer must arrive before the live text is removed, or the answer would disappear in between. */
const END_AFTER_MS = 0.5 * SECOND
/** A watching process repeats its interest this often, */
const WATCH_AGAIN_MS = 20 * SECOND
/** and is believed for this long. */
const WATCHED_FOR_MS = MINUTE

export interface LiveRelayOptions {
  readonly events: ConversationEvents
  readonly fleet: Pick<Fleet, 'notify' | 'listen'>
  readonly clock: Clock
}

/**
 * Shows an answer while it is being written to watchers in other processes. Nothing is sent for
 * conversations without watchers. After a lost piece the live text stops; the stored answer still arrives.
 */
export class LiveRelay {
  readonly #options: LiveRelayOptions
  /** Watched in other processes, with the monotonic time at which that expires. */
  readonly #watched = new Map<ConversationId, number>()
  /** How much of the running answer was sent. */
  readonly #sent = new Map<ConversationId, { readonly turnId: string; length: number }>()
  readonly #flushes = new Map<ConversationId, Timer>()
  /** Written elsewhere since the last looks: of the others nobody will say that they are over. */
  #heard = new Set<ConversationId>()
  #heardBefore = new Set<ConversationId>()
  #subscription: Disposable | null = null
  #timer: Timer | null = null

  constructor(options: LiveRelayOptions) {
    this.#options = options
  }

  start(): void {
    const { events, fleet } = this.#options
    events.onWatched = (id) => fleet.notify({ kind: 'watch', id })
    events.onWritten = (id) => this.#onWritten(id)
    this.#subscription = fleet.listen((news) => this.#onNews(news))
    this.#again()
  }

  stop(): void {
    const { events } = this.#options
    events.onWatched = events.onWritten = null
    this.#subscription?.[Symbol.dispose]()
    this.#timer?.cancel()
    for (const timer of this.#flushes.values()) timer.cancel()
  }

  #onNews(news: FleetNews): void {
    const { events, clock } = this.#options
    if (news.kind === 'watch') {
      const isNew = (this.#watched.get(news.id) ?? 0) < clock.monotonic()
      this.#watched.set(news.id, clock.monotonic() + WATCHED_FOR_MS)
      // A new watcher gets the answer from its beginning.
      if (isNew) this.#sent.delete(news.id)
      if (isNew) this.#onWritten(news.id)
    } else if (news.kind === 'delta') {
      this.#heard.add(news.id)
      events.writtenElsewhere(news.id, news)
    }
    if (news.kind === 'written') events.endedElsewhere(news.id)
  }

  #onWritten(id: ConversationId): void {
    const { events, clock } = this.#options
    if ((this.#watched.get(id) ?? 0) < clock.monotonic()) return
    if (events.partial(id) === null || events.isElsewhere(id)) {
      if (this.#sent.delete(id)) clock.setTimer(() => this.#announceEnd(id), END_AFTER_MS)
      return
    }
    if (this.#flushes.has(id)) return
    const flush = () => {
      this.#flushes.delete(id)
      this.#send(id)
    }
    this.#flushes.set(id, clock.setTimer(flush, GATHERED_MS))
  }

  #announceEnd(id: ConversationId): void {
    const { events, fleet } = this.#options
    if (events.partial(id) === null) fleet.notify({ kind: 'written', id })
  }

  #send(id: ConversationId): void {
    const { events, fleet } = this.#options
    const partial = events.partial(id)
    if (!partial || events.isElsewhere(id)) return
    const { turnId, text } = partial
    let sent = this.#sent.get(id)
    if (sent?.turnId !== turnId || sent.length > text.length)
      this.#sent.set(id, (sent = { turnId, length: 0 }))
    do {
      const piece = text.slice(sent.length, sent.length + MAX_PIECE)
      fleet.notify({ kind: 'delta', id, turnId, offset: sent.length, text: piece })
      sent.length += piece.length
    } while (sent.length < text.length)
  }

  #again(): void {
    const { events, fleet, clock } = this.#options
    this.#timer = clock.setTimer(() => {
      for (const id of events.watched) {
        fleet.notify({ kind: 'watch', id })
        if (!this.#heard.has(id) && !this.#heardBefore.has(id)) events.endedElsewhere(id)
      }
      this.#heardBefore = this.#heard
      this.#heard = new Set()
      for (const [id, until] of this.#watched) if (until < clock.monotonic()) this.#watched.delete(id)
      this.#again()
    }, WATCH_AGAIN_MS)
  }
}
