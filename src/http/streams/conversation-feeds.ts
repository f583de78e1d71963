import type { ConversationId, StoredMessage } from '../../inbox/message.ts'
import type { Clock, Timer } from '../../support/clock.ts'
import { isFinal, toItem } from '../api/items.ts'
import type { ApiServices } from '../api/services.ts'
import type { DeltaEvent, MessageEvent } from '../wire.ts'
import { frame, type EventStream } from './sse.ts'

type Source = Pick<ApiServices, 'conversations' | 'events'>

/** Rows read at once during catch-up. */
const BATCH = 100
/** Pieces of an answer are batched for this long: imperceptible, and cheap with many readers. */
const DELTA_INTERVAL_MS = 25

/** A conversation and how a reader follows it. */
export interface WatchedConversation {
  readonly conversationId: ConversationId
  /** How its events name it: without the folder that it is stored in. */
  readonly shownAs: ConversationId
  /** The revision that the reader has. */
  readonly after: number
  /** Gives each event its revision as id, for resuming by `Last-Event-ID`. */
  readonly withIds: boolean
}

/**
 * The watched conversations. Readers of one conversation at the same revision share one
 * read of the store and one serialisation.
 */
export class ConversationFeeds {
  readonly #source: Source
  readonly #clock: Clock
  readonly #hubs = new Map<ConversationId, Hub>()

  constructor(source: Source, clock: Clock) {
    this.#source = source
    this.#clock = clock
  }

  /**
   * Sends `stream` everything of a conversation after a revision, then its changes,
   * until the stream ends.
   */
  attach(stream: EventStream, watched: WatchedConversation): void {
    const { conversationId, shownAs } = watched
    let hub = this.#hubs.get(conversationId)
    if (!hub) {
      hub = new Hub(this.#source, conversationId, shownAs)
      this.#hubs.set(conversationId, hub)
    }
    const joined = hub
    const feed = new Feed(stream, joined, this.#clock, watched)
    joined.add(feed)
    stream.onClose(() => {
      feed.stop()
      if (joined.remove(feed) === 0) this.#hubs.delete(conversationId)
    })
    feed.wake()
  }

  /** How many conversations are being watched. */
  get watched(): number {
    return this.#hubs.size
  }
}

/** One watched conversation and all its readers. */
class Hub {
  readonly shownAs: ConversationId
  readonly #conversationId: ConversationId
  readonly #source: Source
  readonly #feeds = new Set<Feed>()
  readonly #watch: Disposable
  /** Reads since the last change, by the revision they start from. */
  #reads = new Map<number, Promise<readonly StoredMessage[]>>()

  constructor(source: Source, conversationId: ConversationId, shownAs: ConversationId) {
    this.#source = source
    this.#conversationId = conversationId
    this.shownAs = shownAs
    this.#watch = source.events.watch(conversationId, (event) => {
      if (event.kind === 'changed') this.#reads = new Map()
      for (const feed of this.#feeds) {
        if (event.kind === 'changed') feed.wake()
        else feed.more(event.offset === 0)
      }
    })
  }

  add(feed: Feed): void {
    this.#feeds.add(feed)
  }

  remove(feed: Feed): number {
    this.#feeds.delete(feed)
    if (this.#feeds.size === 0) this.#watch[Symbol.dispose]()
    return this.#feeds.size
  }

  changes(after: number): Promise<readonly StoredMessage[]> {
    let read = this.#reads.get(after)
    if (!read) {
      read = this.#source.conversations.changes(this.#conversationId, after, BATCH)
      const reads = this.#reads.set(after, read)
      read.catch(() => reads.delete(after))
    }
    return read
  }

  partial(): { readonly turnId: string; readonly text: string } | null {
    return this.#source.events.partial(this.#conversationId)
  }
}

/** What one reader has been sent of one conversation, and what comes next. */
class Feed {
  readonly #stream: EventStream
  readonly #hub: Hub
  readonly #clock: Clock
  readonly #withIds: boolean
  /** The revision up to which everything was written. */
  #after: number
  /** Rows that this reader has seen and that may still change, with the text it saw. */
  readonly #seen = new Map<string, string>()
  /** What this reader was sent of the current answer. */
  #shown: { turnId: string; length: number } | null = null
  /** The current batch, shared with other readers, and this reader's position in it. */
  #rows: readonly StoredMessage[] = []
  #next = 0
  #reading = false
  #again = false
  #timer: Timer | null = null

  constructor(stream: EventStream, hub: Hub, clock: Clock, { after, withIds }: WatchedConversation) {
    this.#stream = stream
    this.#hub = hub
    this.#clock = clock
    this.#after = after
    this.#withIds = withIds
    // A reconnecting page may still show a draft: if there is none now, say so.
    if (!withIds) this.#shown = { turnId: '', length: 0 }
    stream.onDrain(() => this.wake())
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = null
  }

  /** Rows have changed, or the reader has caught up: reads from its position. */
  wake(): void {
    this.#again = true
    if (!this.#reading) void this.#read()
  }

  /** The current answer has grown; `restarted`: what was sent is obsolete. */
  more(restarted: boolean): void {
    if (restarted) this.#shown = null
    if (this.#reading || this.#timer !== null) return
    this.#sendPartial(false)
    this.#timer = this.#clock.setTimer(() => {
      this.#timer = null
      if (!this.#reading) this.#sendPartial(false)
    }, DELTA_INTERVAL_MS)
  }

  async #read(): Promise<void> {
    this.#reading = true
    try {
      for (;;) {
        for (; this.#next < this.#rows.length; this.#next++) {
          // A slow reader gets the rest when it has drained.
          if (!this.#stream.ready) return
          this.#sendRow(this.#rows[this.#next]!)
        }
        if (!this.#again || !this.#stream.ready) break
        this.#again = false
        this.#rows = await this.#hub.changes(this.#after)
        this.#next = 0
        // There may be more than one batch.
        if (this.#rows.length === BATCH) this.#again = true
      }
    } catch {
      // The store does not answer: the reader reconnects and resumes.
      this.#stream.end()
    } finally {
      this.#reading = false
    }
    // Only after the rows: the text of an answer never overtakes the message before it.
    this.#sendPartial(true)
  }

  #sendRow(row: StoredMessage): void {
    if (row.revision <= this.#after) return
    this.#after = row.revision
    const item = serialized(row, this.#hub.shownAs)
    const known = this.#seen.get(row.id) === row.text
    if (isFinal(row.state)) this.#seen.delete(row.id)
    else this.#seen.set(row.id, row.text)
    const event = row.role === 'notice' ? 'notice' : known ? 'state' : 'message'
    this.#stream.write(frame(event, item, this.#withIds ? row.revision : undefined))
  }

  /**
   * Sends the reader the rest of the current answer.
   *
   * @param rowsSent also report that there is no current answer: only after the rows, or the
   *   draft would vanish until the stored answer replaces it
   */
  #sendPartial(rowsSent: boolean): void {
    if (!this.#stream.ready) return
    const partial = this.#hub.partial()
    if (!partial) {
      if (!rowsSent) return
      if (this.#shown) this.#delta({ turnId: this.#shown.turnId, offset: 0, text: '', done: true })
      this.#shown = null
      return
    }
    const { turnId, text } = partial
    if (this.#shown?.turnId !== turnId || this.#shown.length > text.length) this.#shown = null
    const offset = this.#shown?.length ?? 0
    if (this.#shown && offset === text.length) return
    this.#shown = { turnId, length: text.length }
    this.#delta({ turnId, offset, text: text.slice(offset) })
  }

  #delta(data: Omit<DeltaEvent, 'conversation'>): void {
    const delta: DeltaEvent = { conversation: this.#hub.shownAs, ...data }
    this.#stream.write(frame('delta', JSON.stringify(delta)))
  }
}

/** Rows are shared by all readers, so each is turned into text once. */
const texts = new WeakMap<StoredMessage, string>()

function serialized(row: StoredMessage, conversation: ConversationId): string {
  let text = texts.get(row)
  if (text === undefined) {
    text = JSON.stringify({ ...toItem(row), conversation } satisfies MessageEvent)
    texts.set(row, text)
  }
  return text
}
