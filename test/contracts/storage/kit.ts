import type { IncidentStore } from '../../../src/alerts/incident.ts'
import type { Pairings } from '../../../src/conversation/access/pairing.ts'
import type { Conversations } from '../../../src/conversation/conversations.ts'
import type {
  Accepted,
  AcceptRequest,
  Arrival,
  CommandEffect,
  IncomingMessage,
  Outage,
} from '../../../src/inbox/arrival.ts'
import type { Figures } from '../../../src/inbox/figures/figures.ts'
import type { Facts, Inbox } from '../../../src/inbox/inbox.ts'
import { isLease, type Lease, type LeaseRequest, type TurnOutcome } from '../../../src/inbox/lease.ts'
import type { Outbox } from '../../../src/inbox/outbox.ts'
import type { Budgets } from '../../../src/usage/budgets.ts'
import type { Ledger } from '../../../src/usage/ledger.ts'

/** What every storage gives. */
export interface Storage {
  readonly inbox: Inbox
  readonly outbox: Outbox
  readonly conversations: Conversations
  readonly ledger: Ledger
  readonly pairings: Pairings
  readonly facts: Facts
  readonly figures: Figures
  readonly incidents: IncidentStore
  readonly budgets: Budgets
  close(): Promise<void>
}

/** An empty store, of which `web` is the one channel that pulls. */
export interface OpenStorage {
  readonly storage: Storage
  /** Closes it and opens the same store again. */
  reopen(): Promise<Storage>
  /** How many rows a table has, read past the storage. */
  rowsOf(table: string): Promise<number>
  /** Closes it and removes what it wrote. */
  dispose(): Promise<void>
}

export type Opener = () => Promise<OpenStorage>

export const OWNER = 'gateway-1'
export const START = Date.UTC(2026, 10, 20, 12)
export const TELL: Outage = { id: 'outage-1', reason: 'needs-login', notice: 'saved, later' }
export const SILENT: Outage = { ...TELL, notice: null }
export const USAGE = { inputTokens: 10, outputTokens: 5, cacheReadTokens: 2, cacheWriteTokens: 1 }
export const HISTORY_LIMIT = 10_000

export function message(platformMessageId: string, over: Partial<IncomingMessage> = {}): Arrival {
  return { kind: 'message', message: incoming(platformMessageId, over) }
}

/** As `/stop` and `/new` ask for them. */
export const STOP: CommandEffect = { withdrawWaiting: true, stopTurn: true }
export const NEW: CommandEffect = { ...STOP, clearHistory: true }

export function command(
  platformMessageId: string,
  effect: CommandEffect | null,
  over: Partial<IncomingMessage> = {},
): Arrival {
  const name = effectName(effect)
  return {
    kind: 'command',
    message: incoming(platformMessageId, { text: `/${name}`, ...over }),
    effect,
    reply: `done ${name}`,
  }
}

function effectName(effect: CommandEffect | null): string {
  if (effect === null) return 'status'
  if (effect.model !== undefined) return 'model'
  return effect.clearHistory ? 'new' : 'stop'
}

function incoming(platformMessageId: string, over: Partial<IncomingMessage>): IncomingMessage {
  return {
    channel: 'telegram',
    address: '7',
    platformMessageId,
    personId: 'anna',
    personName: 'Anna',
    text: `text ${platformMessageId}`,
    attachments: [],
    addressed: true,
    ...over,
  }
}

/** Shorthand over one storage, with a clock of its own that moves a second a call. */
export class Driver {
  readonly storage: Storage
  now = START
  /** Whether the messages of one person are leased together. */
  merge = false

  constructor(storage: Storage) {
    this.storage = storage
  }

  tick(): number {
    return (this.now += 1_000)
  }

  accept(arrivals: readonly Arrival[], over: Partial<AcceptRequest> = {}): Promise<readonly Accepted[]> {
    return this.storage.inbox.accept({
      arrivals,
      cursors: [],
      now: this.tick(),
      outage: null,
      limits: { maxPerConversation: 50, maxTotal: 10_000 },
      holdFullNotice: 'hold is full',
      ...over,
    })
  }

  async acceptOne(arrival: Arrival, over: Partial<AcceptRequest> = {}): Promise<Accepted> {
    return (await this.accept([arrival], over))[0]!
  }

  /** null = there is nothing to answer, or not yet. */
  async lease(conversationId = 'telegram:7', over: Partial<LeaseRequest> = {}): Promise<Lease | null> {
    const found = await this.findLease(conversationId, over)
    return isLease(found) ? found : null
  }

  findLease(conversationId = 'telegram:7', over: Partial<LeaseRequest> = {}) {
    return this.storage.inbox.lease({
      conversationId,
      owner: OWNER,
      now: this.tick(),
      historyLimit: HISTORY_LIMIT,
      merge: this.merge,
      ...over,
    })
  }

  async mustLease(conversationId = 'telegram:7', over: Partial<LeaseRequest> = {}): Promise<Lease> {
    const lease = await this.lease(conversationId, over)
    if (!lease) throw new Error(`nothing to lease in ${conversationId}`)
    return lease
  }

  finish(lease: Lease, outcome: TurnOutcome): Promise<boolean> {
    return this.storage.inbox.finish(lease, outcome, this.tick())
  }

  answer(lease: Lease, text = 'answer', over: Partial<Extract<TurnOutcome, { kind: 'answered' }>> = {}) {
    return this.finish(lease, {
      kind: 'answered',
      text,
      preface: null,
      model: 'model-a',
      usage: USAGE,
      modelMs: 20,
      ...over,
    })
  }

  /** Role, state and text of every row of a conversation, in order. */
  async transcript(conversationId = 'telegram:7'): Promise<readonly string[]> {
    const rows = await this.storage.conversations.messages(conversationId, { limit: 1_000, beforeSeq: null })
    return rows.map((row) => `${row.role} ${row.state}: ${row.text}`)
  }

  /** Texts of the outbox of a conversation, in the order in which they are sent. Empties it. */
  async drain(conversationId = 'telegram:7'): Promise<readonly string[]> {
    const texts: string[] = []
    for (;;) {
      const head = await this.storage.outbox.head(conversationId)
      if (!head) return texts
      texts.push(head.item.text)
      await this.storage.outbox.receipt(head.item.id, 0, `sent-${texts.length}`, true)
    }
  }
}

/** A fresh store for each test: the driver of the current one, and a way to open it again. */
export interface Subject {
  driver: Driver
  reopen(): Promise<void>
  /** See `OpenStorage.rowsOf`. */
  rowsOf(table: string): Promise<number>
}
