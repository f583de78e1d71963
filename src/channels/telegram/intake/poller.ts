import type { Update } from 'grammy/types'
import type { InboundEvent, Receiver } from '../../../conversation/receiver.ts'
import type { Cursor } from '../../../inbox/arrival.ts'
import type { ParkedInput } from '../../../inbox/parked-inputs.ts'
import { type Clock, DAY, MINUTE, SECOND, sleep } from '../../../support/clock.ts'
import type { Log } from '../../../support/log.ts'
import { BatchStorage, IntakeLoop, type IntakeStatus, type Trouble } from '../../kit/intake/intake-loop.ts'
import { ReadingMark, type Reading } from '../../kit/intake/reading-mark.ts'
import { causeOf, type ParkingCause } from '../../kit/intake/rereader.ts'
import type { TelegramClient } from '../api/client.ts'
import { TelegramFailure } from '../api/failure.ts'
import { parkUpdates, readUpdates } from './park-updates.ts'
import { ALLOWED_UPDATES } from './receive.ts'

/** The cursors of this channel, stored with what came before them. */
const OFFSET_CURSOR = 'offset'
const SEEN_CURSOR = 'seen'

/** Another program receives with this token: retrying fast would only make both alternate. */
const CONFLICT_RETRY = { initialMs: 2 * SECOND, maxMs: MINUTE }
/**
 * After a week without updates the ids begin again, perhaps below the stored offset; asking with
 * that offset would then confirm what was never seen. Before, asking without one is safe: it only
 * brings back what the store recognises.
 */
const IDLE_MS = 6 * DAY

/** Updates of one answer: what Telegram gives at most. @see https://core.telegram.org/bots/api#getupdates */
const MOST_AT_ONCE = 100
/** How much less is asked for after an answer that was too large to be read, and how much more after one that was not. */
const LESS = 1 / 4
const MORE = 2

/** Longer than the pieces of an album are apart, and hardly noticed. */
const ALBUM_WAIT_MS = SECOND / 2
/** Waits for one batch: a person who sends album after album must not hold up everybody else. */
const ALBUM_WAITS = 4

export interface PollerOptions {
  readonly client: TelegramClient
  readonly clock: Clock
  readonly log: Log
  readonly random: () => number
  /** How long the server may keep an empty answer back, in seconds. */
  readonly waitSeconds: number
  /** A cursor as it was stored last. @throws StoreError */
  readonly readCursor: (name: string) => Promise<string | null>
  /** Stores a cursor that comes with nothing. Durable when it resolves. @throws StoreError */
  readonly writeCursor: (name: string, value: string) => Promise<void>
  /** What one update delivers; never throws. */
  readonly map: (update: Update) => Promise<readonly InboundEvent[]>
  readonly onStatus: (status: IntakeStatus) => void
}

/**
 * Long polling with an offset that is ours: an update is confirmed to Telegram only by asking for
 * a higher one, and that is done only after it and the offset were stored in one transaction.
 *
 * @see https://core.telegram.org/bots/api#getupdates
 */
export class Poller {
  readonly #options: PollerOptions
  readonly #loop: IntakeLoop
  readonly #storage: BatchStorage<Update>
  #loaded = false
  #offset: number | null = null
  #seenAt = 0
  /** The last round succeeded, so the server may hold the next request until something arrives. */
  #mayWait = false
  #inConflict = false
  #mark: ReadingMark | null = null
  /** Updates that are asked for at once. */
  #atOnce = MOST_AT_ONCE

  constructor(options: PollerOptions) {
    this.#options = options
    this.#loop = new IntakeLoop({
      ...options,
      channel: 'telegram',
      kept: 'Telegram keeps it for 24 hours',
      troubleOf: (error, signal) => this.#troubleOf(error, signal),
    })
    this.#storage = new BatchStorage({
      channel: 'telegram',
      log: options.log,
      describe: ({ update_id: updateId }) => ({ updateId }),
    })
  }

  /** Runs until `signal` is aborted; what is being stored then is still committed. Never rejects. */
  async run(receiver: Receiver, signal: AbortSignal): Promise<void> {
    this.#loaded = false
    await this.#loop.run(async () => {
      const mayWait = this.#mayWait
      this.#mayWait = false
      if (!this.#loaded) await this.#loadCursors()
      this.#loaded = true
      await this.#round(receiver, mayWait, signal)
      this.#mayWait = true
    }, signal)
    await this.#mark?.release()
    this.#mark = null
  }

  async #loadCursors(): Promise<void> {
    const { readCursor, clock } = this.#options
    this.#mark ??= await ReadingMark.open(this.#options)
    const offset = Number((await readCursor(OFFSET_CURSOR)) ?? Number.NaN)
    this.#offset = Number.isSafeInteger(offset) ? offset : null
    const seenAt = Number((await readCursor(SEEN_CURSOR)) ?? Number.NaN)
    this.#seenAt = Number.isSafeInteger(seenAt) ? seenAt : clock.now()
  }

  async #round(receiver: Receiver, mayWait: boolean, signal: AbortSignal): Promise<void> {
    const wait = mayWait ? this.#options.waitSeconds : 0
    const updates = await this.#ask(wait, signal).catch((error: unknown) =>
      this.#askLess(error, receiver, signal),
    )
    if (!updates) return
    if (updates.length > 0)
      await this.#deliver(receiver, await this.#withWholeAlbums(updates, signal), signal)
    else await this.#mark!.passed()
    // Another poller ends a poll that waits, not one that returns at once.
    if (this.#inConflict && wait === 0) return
    this.#inConflict = false
    this.#loop.recovered()
    this.#loop.connected()
  }

  async #ask(waitSeconds: number, signal: AbortSignal): Promise<readonly Update[]> {
    const { client } = this.#options
    const limit = this.#atOnce
    const offset = this.#askedOffset
    const answer = await client.getUpdates(
      { offset, waitSeconds, allowed: ALLOWED_UPDATES, ...(limit < MOST_AT_ONCE ? { limit } : {}) },
      signal,
    )
    this.#atOnce = Math.min(MOST_AT_ONCE, limit * MORE)
    if (!Array.isArray(answer)) throw new TelegramFailure('server', 'getUpdates', 'answered no list')
    const updates = answer.filter((update): update is Update => Number.isSafeInteger(update?.update_id))
    if (answer.length > 0 && updates.length === 0)
      throw new TelegramFailure('server', 'getUpdates', 'answered no updates')
    return updates
  }

  get #askedOffset(): number | null {
    return this.#options.clock.now() - this.#seenAt > IDLE_MS ? null : this.#offset
  }

  /** Updates that are too large together are asked for apart, and one that is too large alone is passed over. */
  async #askLess(error: unknown, receiver: Receiver, signal: AbortSignal): Promise<void> {
    if (!(error instanceof TelegramFailure) || error.kind !== 'too-large') throw error
    if (this.#atOnce > 1) {
      this.#atOnce = Math.max(1, Math.floor(this.#atOnce * LESS))
      return
    }
    const updateId = await this.#options.client.nextUpdateId(this.#askedOffset, signal)
    if (updateId === null) throw error
    await this.#storeBatch(receiver, [], [{ update_id: updateId }])
    this.#options.log.error(
      { channel: 'telegram', updateId },
      'an update larger than 16 MB was passed over: it cannot be read',
    )
  }

  /**
   * The pieces of an album come one after the other: asked again from the same offset, which confirms
   * nothing, Telegram gives what has come and whatever follows it.
   */
  async #withWholeAlbums(updates: readonly Update[], signal: AbortSignal): Promise<readonly Update[]> {
    let known = updates
    try {
      let open = openPieces(known)
      for (let waits = 0; open > 0 && waits < ALBUM_WAITS; waits++) {
        await sleep(this.#options.clock, ALBUM_WAIT_MS, signal)
        const more = await this.#ask(0, signal)
        const openNow = openPieces(more)
        if (more.length < known.length || openNow === open) break
        known = more
        open = openNow
      }
    } catch (error) {
      // What has come is there all the same; what is wrong shows in the next round.
      if (!(error instanceof TelegramFailure)) throw error
    }
    return known
  }

  async #deliver(receiver: Receiver, updates: readonly Update[], signal: AbortSignal): Promise<void> {
    if (!this.#mark!.careful) return this.#storeAll(receiver, updates, 'whole')
    for (const unit of unitsOf(updates)) {
      if (signal.aborted) return
      const reading = await this.#mark!.begin(String(unit[0]!.update_id))
      await this.#storeAll(receiver, unit, reading)
    }
  }

  /** An update that cannot be handled is skipped, and the offset moves past it in the store. */
  #storeAll(receiver: Receiver, updates: readonly Update[], reading: Reading): Promise<void> {
    const store = async (some: readonly Update[]) => {
      if (reading !== 'whole') return this.#park(receiver, some, reading, 'ended')
      const items = await this.#mapAll(some)
      await this.#storeBatch(receiver, items, some)
    }
    return this.#storage.store({
      items: updates,
      store: () => store(updates),
      storeOne: (update) => store([update]),
      park: (update, error) => this.#park(receiver, [update], 'parked', causeOf(error)),
    })
  }

  async #park(
    receiver: Receiver,
    updates: readonly Update[],
    reading: Exclude<Reading, 'whole'>,
    cause: ParkingCause,
  ): Promise<void> {
    const updateIds = updates.map((update) => update.update_id)
    this.#options.log.error({ channel: 'telegram', updateIds, cause }, 'parked: see "hermes queue"')
    const items = reading === 'parked' ? await this.#mapAll(updates) : []
    const at = this.#options.clock.now()
    await this.#storeBatch(receiver, [await parkUpdates({ receiver, updates, items, cause, at })], updates)
  }

  /** What parked updates deliver now; null: they were not kept. */
  async reread({ raw }: ParkedInput): Promise<readonly InboundEvent[] | null> {
    const updates = readUpdates(raw)
    return updates && this.#mapAll(updates)
  }

  async #mapAll(updates: readonly Update[]): Promise<readonly InboundEvent[]> {
    const pieces: Piece[] = []
    for (const update of updates) {
      const album = update.message?.media_group_id ?? null
      for (const item of await this.#options.map(update)) pieces.push({ item, album })
    }
    return joinAlbums(pieces)
  }

  async #storeBatch(
    receiver: Receiver,
    items: readonly InboundEvent[],
    updates: readonly Update[],
  ): Promise<void> {
    const { clock } = this.#options
    // Not the greatest ever: after an idle week ids may start again below the last one.
    const offset = Math.max(...updates.map((update) => update.update_id)) + 1
    const seenAt = clock.now()
    const cursors: ReadonlyArray<Omit<Cursor, 'channel'>> = [
      { name: OFFSET_CURSOR, value: String(offset) },
      { name: SEEN_CURSOR, value: String(seenAt) },
    ]
    await receiver.receive('telegram', items, cursors)
    this.#offset = offset
    this.#seenAt = seenAt
  }

  async #troubleOf(error: unknown, signal: AbortSignal): Promise<Trouble | null> {
    if (!(error instanceof TelegramFailure)) return null
    switch (error.kind) {
      case 'token':
        return {
          state: 'failed',
          problem: `Telegram does not know this bot token; set TELEGRAM_BOT_TOKEN to the one that @BotFather shows (${error.message})`,
        }
      case 'conflict':
        this.#inConflict = true
        return { state: 'retrying', problem: await this.#conflict(signal), backoff: CONFLICT_RETRY }
      case 'rate-limited':
        return { state: 'retrying', problem: 'Telegram asks to receive more slowly' }
      default:
        return { state: 'retrying', problem: `Telegram cannot be reached (${error.message})` }
    }
  }

  /** A 409 has two causes with different fixes. */
  async #conflict(signal: AbortSignal): Promise<string> {
    const info = await this.#options.client.getWebhookInfo(signal).catch(() => null)
    if (!info?.url)
      return 'another program receives with the same bot token; stop it, or give each its own bot'
    const host = URL.canParse(info.url) ? new URL(info.url).host : 'another server'
    return `a webhook is set for this bot (${host}), so Telegram sends its messages there and not to this gateway; remove the webhook with the Bot API's method deleteWebhook`
  }
}

/** What one update delivered, and the album that it belongs to. */
interface Piece {
  readonly item: InboundEvent
  readonly album: string | null
}

/** Pieces of the largest album. @see https://core.telegram.org/bots/api#sendmediagroup */
const MAX_PIECES = 10

/**
 * Several pictures sent together come as as many messages, of which one carries the words. They
 * are one question: pieces of an album become one message under the first one's id, whatever others
 * wrote between them.
 */
function joinAlbums(pieces: readonly Piece[]): readonly InboundEvent[] {
  const joined: Piece[] = []
  for (const piece of pieces) {
    const at = piece.album === null ? -1 : joined.findIndex(({ album }) => album === piece.album)
    const whole = at === -1 ? null : join(joined[at]!.item, piece.item)
    if (whole) joined[at] = { item: whole, album: piece.album }
    else joined.push(piece)
  }
  return joined.map((piece) => piece.item)
}

/** Updates that are read together: the pieces of one album that follow each other, and everything else alone. */
function unitsOf(updates: readonly Update[]): ReadonlyArray<readonly Update[]> {
  const units: Update[][] = []
  for (const update of updates) {
    const album = update.message?.media_group_id
    const last = units.at(-1)
    if (last && album !== undefined && last[0]!.message?.media_group_id === album) last.push(update)
    else units.push([update])
  }
  return units
}

/**
 * How many pieces of albums of groups there are that may not have come whole yet. There only the piece with the words
 * says that the bot is meant; in a private chat each is stored as it comes, and the store waits for the others.
 */
function openPieces(updates: readonly Update[]): number {
  const counts = new Map<string, number>()
  for (const { message } of updates) {
    const album = message?.media_group_id
    const isOpen = album !== undefined && message?.chat.type !== 'private'
    if (isOpen) counts.set(album, (counts.get(album) ?? 0) + 1)
  }
  let open = 0
  for (const count of counts.values()) if (count < MAX_PIECES) open += count
  return open
}

/** One message of both; null: they are not by the same person at the same place. */
function join(first: InboundEvent, next: InboundEvent): InboundEvent | null {
  if (first.kind !== 'unread' || next.kind !== 'unread' || first.isEdit || next.isEdit) return null
  if (first.address !== next.address || first.person.id !== next.person.id) return null
  return {
    ...first,
    raw: () => `${first.raw()}\n${next.raw()}`,
    read: async () => joinWords(await first.read(), await next.read()),
  }
}

function joinWords(first: InboundEvent | null, next: InboundEvent | null): InboundEvent | null {
  if (first?.kind !== 'message' || next?.kind !== 'message') return first ?? next
  return {
    ...first,
    chat: { ...first.chat, addressed: first.chat.addressed || next.chat.addressed },
    text: [first.text, next.text].filter((text) => text !== '').join('\n'),
    ...(first.about || next.about ? { about: { ...first.about, ...next.about } } : {}),
    attachments: [...first.attachments, ...next.attachments],
    unsupported: first.unsupported ?? next.unsupported,
  }
}
