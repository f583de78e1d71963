import { createHash } from 'node:crypto'
import type { Clock } from '../support/clock.ts'
import { Emitter } from '../support/emitter.ts'
import type { Cursor } from './arrival.ts'
import { cursorWriter } from './cursor-writer.ts'
import type { Inbox } from './inbox.ts'

/**
 * Something that a platform delivered and nothing was made of: the gateway ended on it, or it cannot be
 * stored. It waits for the operator under the platform's own id, and is read again on request.
 */
export interface ParkedInput {
  /** As the operator names it; the same for the same input. */
  readonly id: string
  readonly channel: string
  /** Where it arrived, in the channel's notation; null = that cannot be known without reading it. */
  readonly place: string | null
  /** The platform's own id: of an update, an event, a mail. */
  readonly input: string
  /** `requested`: the operator wants it read again. `reading`: what a process ends on in this state is parked again. */
  readonly state: 'parked' | 'requested' | 'reading'
  /** A sentence for the operator. */
  readonly reason: string
  /** When it was parked first. */
  readonly at: number
  /** As it was delivered, where the platform does not deliver it again; null = the platform has it, or it was not kept. */
  readonly raw: string | null
  /** Whose words `raw` holds; null = nobody's. */
  readonly personId: string | null
}

/** What is known when it is parked. */
export type NewParkedInput = Pick<ParkedInput, 'channel' | 'place' | 'input' | 'reason' | 'at'> &
  Partial<Pick<ParkedInput, 'raw' | 'personId'>>

/**
 * No platform has this name: parked inputs are cursors under it, stored in the transaction that moves the
 * position of their platform past them.
 */
export const PARKED_CURSORS = 'parked'

/** Of a hash: no two inputs that wait at the same time have it in common. */
const ID_DIGITS = 16

export function parkedInput(known: NewParkedInput): ParkedInput {
  const digest = createHash('sha256').update(JSON.stringify([known.channel, known.place, known.input]))
  const id = `input-${digest.digest('hex').slice(0, ID_DIGITS)}`
  return { raw: null, personId: null, ...known, id, state: 'parked' }
}

export function parkedCursor({ id, ...rest }: ParkedInput): Cursor {
  return { channel: PARKED_CURSORS, name: id, value: JSON.stringify(rest) }
}

/** Null: it was stored by a program that is not this one. */
export function readParkedInput({ name, value }: Omit<Cursor, 'channel'>): ParkedInput | null {
  try {
    const rest = JSON.parse(value) as Omit<ParkedInput, 'id'>
    return typeof rest.channel === 'string' && typeof rest.input === 'string' ? { ...rest, id: name } : null
  } catch {
    return null
  }
}

/** The parked inputs of all channels. */
export class ParkedInputs {
  readonly #inbox: Pick<Inbox, 'cursor' | 'cursors' | 'removeCursor'>
  readonly #write: (cursor: Cursor) => Promise<void>
  /** Something was parked, or is to be read again. */
  readonly #changes: Emitter

  constructor(
    inbox: Pick<Inbox, 'accept' | 'cursor' | 'cursors' | 'removeCursor'>,
    clock: Clock,
    onProblem: (error: unknown) => void = () => {},
  ) {
    this.#inbox = inbox
    this.#write = cursorWriter(inbox, clock)
    this.#changes = new Emitter(onProblem)
  }

  /** The oldest first. @throws StoreError */
  async list(): Promise<readonly ParkedInput[]> {
    const found = (await this.#inbox.cursors(PARKED_CURSORS)).map(readParkedInput)
    return found.filter((input) => input !== null).toSorted((one, other) => one.at - other.at)
  }

  /** Null: no parked input has this id. @throws StoreError */
  async find(id: string): Promise<ParkedInput | null> {
    const value = await this.#inbox.cursor(PARKED_CURSORS, id)
    return value === null ? null : readParkedInput({ name: id, value })
  }

  /** Durable when it resolves. @throws StoreError */
  async save(input: ParkedInput): Promise<void> {
    await this.#write(parkedCursor(input))
  }

  /** As `save`, unless it was removed since: what the operator dropped stays dropped. @returns false: it was */
  async update(input: ParkedInput): Promise<boolean> {
    if (!(await this.find(input.id))) return false
    await this.save(input)
    return true
  }

  /** It is to be read again. @returns false: no parked input has this id. @throws StoreError */
  async retry(id: string): Promise<boolean> {
    const input = await this.find(id)
    if (!input) return false
    await this.save({ ...input, state: 'requested' })
    this.changed()
    return true
  }

  /** Something was parked. */
  changed(): void {
    this.#changes.emit()
  }

  /** @returns false: no parked input has this id. @throws StoreError */
  async remove(id: string): Promise<boolean> {
    if (!(await this.find(id))) return false
    await this.#inbox.removeCursor(PARKED_CURSORS, id)
    return true
  }

  /** Calls `listener` when something is parked or to be read again, as far as this process knows. */
  onChange(listener: () => void): Disposable {
    return this.#changes.subscribe(listener)
  }
}

/** What a channel needs of them. */
export type ChannelInputs = Pick<ParkedInputs, 'list' | 'find' | 'update' | 'remove' | 'onChange'>

/** For a channel that only sends. */
export const NO_INPUTS: ChannelInputs = {
  list: async () => [],
  find: async () => null,
  update: async () => false,
  remove: async () => false,
  onChange: () => ({ [Symbol.dispose]() {} }),
}
