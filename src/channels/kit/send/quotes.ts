import type { Receiver } from '../../../conversation/receiver.ts'
import { MINUTE, type Clock } from '../../../support/clock.ts'
import { remember } from '../../../support/remember.ts'
import { observeArrivals } from '../observe-arrivals.ts'

/** Private chats whose newest message is remembered. In one that was forgotten, an answer quotes. */
const REMEMBERED_CHATS = 5_000
/** From then on an answer says how late it is, and of what it is. */
const LATE_MS = 2 * MINUTE

interface Newest {
  readonly platformId: string
  /** Monotonic. */
  readonly at: number
  held: boolean
}

/**
 * Decides whether a message quotes the one that it answers. In a private chat that says nothing new while the
 * two stand one below the other; it is left out unless something came in between, or the question was held or
 * waited for long. In groups, and where it is not known what came in between, everything quotes.
 */
export class Quotes {
  readonly #clock: Clock
  /** The newest message of each private chat, of whomever. */
  readonly #newest = new Map<string, Newest>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Another process may have spoken in the meantime. */
  clear(): void {
    this.#newest.clear()
  }

  observe(receiver: Receiver): Receiver {
    return observeArrivals(receiver, {
      // Before it is handed over: its answer may be there first.
      before: (item) => {
        if ((item.kind !== 'message' && item.kind !== 'unread') || item.chat.kind !== 'private') return
        if (item.kind === 'message' || !item.isEdit) this.#add(item.address, item.platformMessageId)
      },
      after: (_channel, event, { state }) => {
        if (event.kind !== 'message' || state !== 'held') return
        const newest = this.#newest.get(event.address)
        if (newest?.platformId === event.platformMessageId) newest.held = true
      },
    })
  }

  /** The bot has sent a message. */
  sent(address: string, platformId: string): void {
    if (this.#newest.has(address)) this.#add(address, platformId)
  }

  /** What a message to this chat quotes of what it was to quote. */
  of(address: string, replyTo: string | null): string | null {
    const newest = this.#newest.get(address)
    if (newest?.platformId !== replyTo || newest.held) return replyTo
    return this.#clock.monotonic() - newest.at > LATE_MS ? replyTo : null
  }

  #add(address: string, platformId: string): void {
    const newest = { platformId, at: this.#clock.monotonic(), held: false }
    remember(this.#newest, address, newest, REMEMBERED_CHATS)
  }
}
