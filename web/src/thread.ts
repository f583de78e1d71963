import type { DeltaEvent, MessageItem, MessageState } from '../../src/http/wire.ts'
import type { UnsentEntry } from './unsent/outbox.ts'

/** The answer that is being written. */
interface Draft {
  readonly turnId: string
  readonly text: string
}

/** One conversation in this page. Immutable; all changes are below. */
export interface Thread {
  readonly id: string
  /** In order. */
  readonly items: readonly MessageItem[]
  /** Not confirmed by the gateway, in order. */
  readonly pending: readonly UnsentEntry[]
  readonly draft: Draft | null
  /** There may be earlier messages. */
  readonly hasEarlier: boolean
  readonly loaded: boolean
}

export function emptyThread(id: string): Thread {
  return { id, items: [], pending: [], draft: null, hasEarlier: false, loaded: false }
}

/** New or changed rows: each replaces the one with its id. An answer replaces its draft. */
export function withItems(thread: Thread, rows: readonly MessageItem[]): Thread {
  if (rows.length === 0) return thread
  const byId = new Map(thread.items.map((item) => [item.id, item]))
  for (const row of rows) {
    const known = byId.get(row.id)
    // A slow read may arrive after newer events.
    if (!known || known.revision <= row.revision) byId.set(row.id, row)
  }
  const items = [...byId.values()].sort((a, b) => a.seq - b.seq)
  const confirmed = new Set(rows.map((row) => row.messageId))
  const answered = rows.some(
    (row) => row.role === 'assistant' && !thread.items.some((item) => item.id === row.id),
  )
  return {
    ...thread,
    items,
    pending: thread.pending.filter((entry) => !confirmed.has(entry.messageId)),
    draft: answered ? null : thread.draft,
  }
}

/** A piece of the current answer at `offset`; it replaces everything from there on. */
export function withDelta(thread: Thread, delta: Omit<DeltaEvent, 'conversation'>): Thread {
  if (delta.done) return thread.draft ? { ...thread, draft: null } : thread
  const known = thread.draft?.turnId === delta.turnId ? thread.draft.text : ''
  return { ...thread, draft: { turnId: delta.turnId, text: known.slice(0, delta.offset) + delta.text } }
}

/** What is unsent of this conversation; what its rows already show is not. */
export function withPending(thread: Thread, unsent: readonly UnsentEntry[]): Thread {
  const confirmed = new Set(thread.items.map((item) => item.messageId))
  const pending = unsent.filter(
    (entry) => entry.conversation === thread.id && !confirmed.has(entry.messageId),
  )
  return { ...thread, pending }
}

/** Is an answer being written or about to be? Then it can be stopped. */
export function isBusy(thread: Thread): boolean {
  return (
    thread.draft !== null || thread.items.some((item) => item.role === 'user' && item.state === 'answering')
  )
}

/**
 * Is an answer expected, with no text of it yet?
 *
 * @param holding something keeps messages from being answered: only one that is tried all the same is
 */
export function isThinking(thread: Thread, holding: boolean): boolean {
  if (thread.draft && thread.draft.text !== '') return false
  return thread.items.some(
    (item) => item.role === 'user' && (item.state === 'answering' || (item.state === 'received' && !holding)),
  )
}

const STATE_WORDS: Partial<Readonly<Record<MessageState, string>>> = {
  held: 'Saved · will be answered when Claude is back',
  refused: 'Not answered',
  withdrawn: 'Withdrawn',
  parked: 'Needs the operator',
}

/** The line below a message of the reader; null = none. @param holding as for `isThinking` */
export function stateWords(state: MessageState, holding: boolean): string | null {
  // For a short wait nothing is marked as held; to the reader it is.
  return STATE_WORDS[state === 'received' && holding ? 'held' : state] ?? null
}
