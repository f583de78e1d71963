import type { InboundEvent, Receiver } from '../../../src/conversation/receiver.ts'
import type { Accepted, Cursor } from '../../../src/inbox/arrival.ts'

type Handed = Extract<InboundEvent, { kind: 'message' }>

/** A receiver that remembers instead of answering. Its cursors are durable, as far as a test goes. */
export class RecordingReceiver implements Receiver {
  readonly items: InboundEvent[] = []
  /** Each call, with the cursors that came along. */
  readonly batches: Array<{
    items: readonly InboundEvent[]
    cursors: ReadonlyArray<Omit<Cursor, 'channel'>>
  }> = []
  readonly cursors = new Map<string, string>()
  /** What was handed over with a part of another type than it must have; the real receiver fails at it. */
  readonly mistyped: InboundEvent[] = []
  /** Runs before anything is kept: to fail, or to take its time. */
  before: ((items: readonly InboundEvent[]) => Promise<void> | void) | null = null
  readonly #known = new Set<string>()

  async receive(
    _channel: string,
    items: readonly InboundEvent[],
    cursors: ReadonlyArray<Omit<Cursor, 'channel'>>,
  ): Promise<readonly Accepted[]> {
    await this.before?.(items)
    this.mistyped.push(...items.filter((item) => !isWellTyped(item)))
    this.batches.push({ items, cursors })
    this.items.push(...items)
    for (const { name, value } of cursors) this.cursors.set(name, value)
    return items.map((item) => this.#accept(item))
  }

  get messages(): readonly Handed[] {
    return this.items.filter((item) => item.kind === 'message')
  }

  get texts(): readonly string[] {
    return this.messages.map((message) => message.text)
  }

  /** Messages as a store would keep them: each once, by address and id. */
  get distinct(): number {
    return this.#known.size
  }

  #accept(item: InboundEvent): Accepted {
    const key = item.kind === 'message' ? `${item.address} ${item.platformMessageId}` : null
    const duplicate = key !== null && this.#known.has(key)
    if (key !== null) this.#known.add(key)
    return {
      conversationId: null,
      messageId: key,
      state: key === null ? null : 'received',
      duplicate,
      holdFull: false,
      outbox: false,
      withdrawn: 0,
    }
  }
}

function isWellTyped(item: InboundEvent): boolean {
  if (item.kind === 'moved') return [item.from, item.to].every(isText)
  if (![item.address, item.platformMessageId].every(isText)) return false
  if (item.kind === 'deletion') return true
  const { person, chat, text } = item
  const groups = person.groups ?? []
  if (!Array.isArray(groups) || ![text, person.id, chat.id, ...groups].every(isText)) return false
  if (person.name !== null && !isText(person.name)) return false
  return item.kind === 'edit' || item.unsupported === null || isText(item.unsupported)
}

function isText(value: unknown): boolean {
  return typeof value === 'string'
}
