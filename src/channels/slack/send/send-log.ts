import type { Cursor } from '../../../inbox/arrival.ts'
import { compareTs } from '../address.ts'

/** More than are ever under way at once, so that the newest are never written over while they matter. */
const SLOTS = 128
const SLOT = /^sending (\d+)$/

export interface SendLogOptions {
  readonly readCursors: () => Promise<ReadonlyArray<Omit<Cursor, 'channel'>>>
  /** Durable when it resolves. */
  readonly writeCursor: (name: string, value: string) => Promise<void>
}

/**
 * Which messages were on their way to Slack, written down before each leaves: one whose fate is
 * unknown, because the answer was lost or the process was killed, is looked for before it is sent
 * again.
 */
export class SendLog {
  readonly #options: SendLogOptions
  /** By key: when it was first on its way, as a time stamp of Slack's. */
  readonly #uncertain = new Map<string, string>()
  /** Slots in the order in which they may be written over. */
  #slots: number[] = []
  #loading: Promise<void> | null = null

  constructor(options: SendLogOptions) {
    this.#options = options
  }

  /** Since when a message with this key may have been sent already; null = it was not. @throws StoreError */
  async uncertainSince(key: string): Promise<string | null> {
    await this.#load()
    return this.#uncertain.get(key) ?? null
  }

  /** A message is about to leave. Durable when it resolves. @throws StoreError */
  async sending(key: string, ts: string): Promise<void> {
    await this.#load()
    const slot = this.#slots.shift()!
    this.#slots.push(slot)
    await this.#options.writeCursor(`sending ${slot}`, `${this.#uncertain.get(key) ?? ts} ${key}`)
  }

  /** It may have arrived: Slack did not answer. */
  uncertain(key: string, ts: string): void {
    if (!this.#uncertain.has(key)) this.#uncertain.set(key, ts)
  }

  /** Its fate is known, and it will not be asked for again. */
  resolved(key: string): void {
    this.#uncertain.delete(key)
  }

  #load(): Promise<void> {
    this.#loading ??= this.#read().catch((error: unknown) => {
      this.#loading = null
      throw error
    })
    return this.#loading
  }

  async #read(): Promise<void> {
    const used = new Map<number, string>()
    for (const { name, value } of await this.#options.readCursors()) {
      const slot = SLOT.exec(name)?.[1]
      const [ts = '', key] = splitOnce(value)
      if (slot === undefined || key === undefined) continue
      used.set(Number(slot), ts)
      this.#uncertain.set(key, ts)
    }
    const all = Array.from({ length: SLOTS }, (_, slot) => slot)
    this.#slots = all.toSorted((a, b) => compareTs(used.get(a) ?? '0', used.get(b) ?? '0'))
  }
}

function splitOnce(value: string): [string, string | undefined] {
  const space = value.indexOf(' ')
  return space === -1 ? [value, undefined] : [value.slice(0, space), value.slice(space + 1)]
}
