/** A process may end for another reason while it reads something, but hardly so often with the same one. */
const MAX_DEATHS = 2
/** What the process ended on last. More than a few at a time would not be the fault of what was read. */
const MAX_SUSPECTS = 8

/** Whether a process is receiving. One that still is when the next begins has ended without an order. */
const RUNNING_CURSOR = 'running'
/** What is being read, and how often the process has ended on what. */
const READING_CURSOR = 'in hand'

/** How something is to be read: `parked` what the process ended on, `unread` when it even ended on parking it. */
export type Reading = 'whole' | 'parked' | 'unread'

export interface ReadingMarkOptions {
  /** A cursor of the channel as it was stored last. @throws StoreError */
  readonly readCursor: (name: string) => Promise<string | null>
  /** Durable when it resolves. @throws StoreError */
  readonly writeCursor: (name: string, value: string) => Promise<void>
  /** Does the process end in order? Default: unless an error that nobody caught ends it. */
  readonly inOrder?: () => boolean
}

/**
 * Knows, over restarts, what is being read. Whatever the process ended on again and again would end every
 * later one, too, with all channels: it is parked. Nothing is stored about it while the last end was in
 * order, and after another one until all that had come by then was read.
 */
export class ReadingMark {
  readonly #options: ReadingMarkOptions
  #careful: boolean
  readonly #deaths: Map<string, number>
  /** What this process is reading. */
  #reading: string | null = null

  private constructor(options: ReadingMarkOptions, careful: boolean, deaths: Map<string, number>) {
    this.#options = options
    this.#careful = careful
    this.#deaths = deaths
  }

  /** To be called when receiving begins. @throws StoreError when nothing can be read */
  static async open(options: ReadingMarkOptions): Promise<ReadingMark> {
    const careful = (await options.readCursor(RUNNING_CURSOR)) === 'yes'
    const deaths = careful ? deathsIn(await options.readCursor(READING_CURSOR)) : new Map<string, number>()
    // Unsaved, the next process only does not know how this one has ended.
    if (!careful) await options.writeCursor(RUNNING_CURSOR, 'yes').catch(() => {})
    return new ReadingMark(options, careful, deaths)
  }

  /** The last end was not in order: everything is to be read one after the other, each behind its mark. */
  get careful(): boolean {
    return this.#careful
  }

  /**
   * To be called before anything of it is read. Never rejects.
   *
   * @param item names it for good
   */
  async begin(item: string): Promise<Reading> {
    if (!this.#careful) return 'whole'
    const deaths = this.#deaths.get(item) ?? 0
    if (deaths > MAX_DEATHS) return 'unread'
    if (this.#reading !== item) {
      this.#reading = item
      const value = JSON.stringify({ reading: item, deaths: [...this.#deaths].slice(-MAX_SUSPECTS) })
      // Where it cannot be noted, it cannot be stored either, and will come again.
      await this.#options.writeCursor(READING_CURSOR, value).catch(() => {})
    }
    return deaths === MAX_DEATHS ? 'parked' : 'whole'
  }

  /** All that had come was read, and the process lives. Never rejects. */
  async passed(): Promise<void> {
    if (!this.#careful) return
    this.#careful = false
    this.#deaths.clear()
    this.#reading = null
    await this.#options.writeCursor(READING_CURSOR, '').catch(() => {})
  }

  /** Receiving ends in order: what is being read now is not to blame. Never rejects. */
  async release(): Promise<void> {
    const { writeCursor, inOrder = endsInOrder } = this.#options
    // Unsaved, it counts once too often.
    if (inOrder()) await writeCursor(RUNNING_CURSOR, '').catch(() => {})
  }
}

/** An error that nobody caught ends the process with a code. */
export function endsInOrder(): boolean {
  return !process.exitCode
}

/** How often the process has ended on what, the last time included. */
function deathsIn(value: string | null): Map<string, number> {
  try {
    const { reading, deaths } = JSON.parse(value ?? '') as { reading: unknown; deaths: unknown }
    const known = new Map((deaths as Array<[string, number]>).filter(([, count]) => Number.isInteger(count)))
    if (typeof reading !== 'string') return known
    const count = known.get(reading) ?? 0
    // The last one of all.
    known.delete(reading)
    return known.set(reading, count + 1)
  } catch {
    return new Map()
  }
}
