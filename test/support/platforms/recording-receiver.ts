import type { InboundEvent, Person, Receiver, Unread } from '../../../src/conversation/receiver.ts'
import { NOT_STORED, type Accepted, type Cursor } from '../../../src/inbox/arrival.ts'
import type { MessageState } from '../../../src/inbox/message.ts'
import type { ParkedInput } from '../../../src/inbox/parked-inputs.ts'
import { memoryInputs } from '../memory-inputs.ts'

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
  /** In which messages are stored. */
  state: MessageState = 'received'
  /** Who has no access: what they write is not read. */
  readonly strangers = new Set<string>()
  readonly unread: Unread[] = []
  /** What was parked, as in a store. */
  readonly inputs = memoryInputs()
  readonly #known = new Set<string>()

  async receive(
    _channel: string,
    arrived: readonly InboundEvent[],
    cursors: ReadonlyArray<Omit<Cursor, 'channel'>>,
  ): Promise<readonly Accepted[]> {
    const read: Array<InboundEvent | null> = []
    for (const item of arrived) read.push(await this.#read(item))
    const items = read.filter((item) => item !== null)
    await this.before?.(items)
    this.mistyped.push(...items.filter((item) => !isWellTyped(item)))
    this.batches.push({ items, cursors })
    this.items.push(...items)
    for (const { name, value } of cursors) this.cursors.set(name, value)
    for (const item of items) if (item.kind === 'parked') await this.#park(item.input)
    return read.map((item) => (item === null ? NOT_STORED : this.#accept(item)))
  }

  async mayTalk(_channel: string, { id }: Person): Promise<boolean> {
    return !this.strangers.has(id)
  }

  async #read(item: InboundEvent): Promise<InboundEvent | null> {
    if (item.kind !== 'unread') return item
    if (this.strangers.has(item.person.id)) {
      this.unread.push(item)
      return null
    }
    try {
      return await item.read()
    } catch {
      // What has no known shape is passed over.
      return null
    }
  }

  async #park(input: ParkedInput): Promise<void> {
    await this.inputs.save(input)
    this.inputs.changed()
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
      state: key === null ? null : this.state,
      duplicate,
      holdFull: false,
      outbox: false,
      withdrawn: 0,
    }
  }
}

function isWellTyped(item: InboundEvent): boolean {
  if (item.kind === 'parked') return isText(item.input.input)
  if (item.kind === 'moved') return [item.from, item.to].every(isText)
  if (![item.address, item.platformMessageId].every(isText)) return false
  if (item.kind === 'deletion' || item.kind === 'unread') return true
  const { person, chat, text } = item
  const groups = person.groups ?? []
  if (!Array.isArray(groups) || ![text, person.id, chat.id, ...groups].every(isText)) return false
  if (person.name !== null && !isText(person.name)) return false
  return item.kind === 'edit' || item.unsupported === null || isText(item.unsupported)
}

function isText(value: unknown): boolean {
  return typeof value === 'string'
}
