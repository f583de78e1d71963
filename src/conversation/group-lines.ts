import { boundLine, type HeardLine } from '../inbox/about.ts'
import { remember } from '../support/remember.ts'

/** Chats of which lines are kept at the same time: some megabytes with the usual number of lines. */
const MAX_CHATS = 500

interface Kept {
  line: HeardLine
  /** A message has brought it to the model, or is about to. */
  isTaken: boolean
}

/** Lines that a message brings to the model. */
export interface TakenLines {
  /** Oldest first. */
  readonly lines: readonly HeardLine[]
  /** The message was not stored: the next one brings them. */
  readonly giveBack: () => void
}

/**
 * What was said in groups since the bot last answered there, to people with access alone: the caller decides
 * who that is before a line comes here. In memory only: a restart forgets it, and so nothing that was not said
 * to the bot is ever stored, but for what a message brings along.
 */
export class GroupLines {
  readonly #limits: ReadonlyMap<string, number>
  /** The lines of a chat by the platform's ids of their messages, oldest first. */
  readonly #chats = new Map<string, Map<string, Kept>>()

  /** @param limits how many lines are kept of a chat, by the name of the channel; left out: none */
  constructor(limits: ReadonlyMap<string, number>) {
    this.#limits = limits
  }

  keeps(channel: string): boolean {
    return (this.#limits.get(channel) ?? 0) > 0
  }

  /** @param place the chat, or the thread, in the channel's notation */
  hear(channel: string, place: string, id: string, line: HeardLine): void {
    const limit = this.#limits.get(channel) ?? 0
    if (limit === 0) return
    const key = keyOf(channel, place)
    const lines = this.#chats.get(key) ?? new Map<string, Kept>()
    remember(this.#chats, key, lines, MAX_CHATS)
    // It was delivered again.
    if (lines.has(id)) return
    remember(lines, id, { line: boundLine(line), isTaken: false }, limit)
  }

  edit(channel: string, place: string, id: string, text: string): void {
    const kept = this.#chats.get(keyOf(channel, place))?.get(id)
    if (kept && !kept.isTaken) kept.line = boundLine({ ...kept.line, text })
  }

  remove(channel: string, place: string, id: string): void {
    this.#chats.get(keyOf(channel, place))?.delete(id)
  }

  /** A new conversation begins. */
  clear(channel: string, place: string): void {
    this.#chats.delete(keyOf(channel, place))
  }

  /** The lines that nobody has brought to the model yet. */
  take(channel: string, place: string): TakenLines {
    const kept = [...(this.#chats.get(keyOf(channel, place))?.values() ?? [])].filter(
      ({ isTaken }) => !isTaken,
    )
    for (const one of kept) one.isTaken = true
    return {
      lines: kept.map(({ line }) => line),
      giveBack() {
        for (const one of kept) one.isTaken = false
      },
    }
  }
}

function keyOf(channel: string, place: string): string {
  return `${channel}\n${place}`
}
