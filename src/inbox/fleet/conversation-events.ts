import { Emitter } from '../../support/emitter.ts'
import type { ConversationId } from '../message.ts'

/** What happens in a conversation, for whoever watches it live. Durable facts are in the store; these only wake. */
export type ConversationEvent =
  /** More of the answer that is being written. `offset` 0 begins anew. Never stored. */
  | { readonly kind: 'delta'; readonly turnId: string; readonly offset: number; readonly text: string }
  /** Rows of the conversation have changed: read those after your last revision. */
  | { readonly kind: 'changed' }

/** Publishes the events of conversations to those who watch them; free where nobody does. */
export class ConversationEvents {
  /** Tells those who are watched from other processes; left out: there are none. */
  onChanged: ((conversationId: ConversationId) => void) | null = null
  /** Somebody has begun to watch a conversation that nobody here watched. */
  onWatched: ((conversationId: ConversationId) => void) | null = null
  /** An answer that is being written here goes on, or is over. */
  onWritten: ((conversationId: ConversationId) => void) | null = null
  /** Answers that another process is writing. */
  readonly #elsewhere = new Set<ConversationId>()
  readonly #watched = new Map<ConversationId, Emitter<ConversationEvent>>()
  /** The text of answers that are being written, so that a new watcher sees it whole. Kept only while watched or written. */
  readonly #partial = new Map<ConversationId, { turnId: string; text: string }>()

  readonly #onProblem: (error: unknown) => void

  /** @param onProblem is given what a watcher throws */
  constructor(onProblem: (error: unknown) => void) {
    this.#onProblem = onProblem
  }

  watch(conversationId: ConversationId, listener: (event: ConversationEvent) => void): Disposable {
    const known = this.#watched.get(conversationId)
    const watchers = known ?? new Emitter(this.#onProblem)
    if (!known) this.#watched.set(conversationId, watchers)
    const watching = watchers.subscribe(listener)
    if (!known) this.onWatched?.(conversationId)
    return {
      [Symbol.dispose]: () => {
        watching[Symbol.dispose]()
        if (watchers.size > 0 || this.#watched.get(conversationId) !== watchers) return
        this.#watched.delete(conversationId)
        // Nobody is shown it any more, and nobody would say when it is over.
        if (this.#elsewhere.delete(conversationId)) this.#partial.delete(conversationId)
      },
    }
  }

  /** An answer begins, or begins anew. */
  begin(conversationId: ConversationId, turnId: string): void {
    this.#elsewhere.delete(conversationId)
    this.#partial.set(conversationId, { turnId, text: '' })
    this.#publish(conversationId, { kind: 'delta', turnId, offset: 0, text: '' })
    this.onWritten?.(conversationId)
  }

  delta(conversationId: ConversationId, text: string): void {
    const partial = this.#partial.get(conversationId)
    if (!partial) return
    const offset = partial.text.length
    partial.text += text
    this.#publish(conversationId, { kind: 'delta', turnId: partial.turnId, offset, text })
    this.onWritten?.(conversationId)
  }

  /** The answer is over, whichever way; the store has the rest. */
  end(conversationId: ConversationId): void {
    this.#partial.delete(conversationId)
    this.onWritten?.(conversationId)
  }

  /** Another process writes an answer. A piece that does not fit to what is known is passed over. */
  writtenElsewhere(
    conversationId: ConversationId,
    { turnId, offset, text }: { readonly turnId: string; readonly offset: number; readonly text: string },
  ): void {
    if (!this.#watched.has(conversationId)) return
    const known = this.#partial.get(conversationId)
    if (known && !this.#elsewhere.has(conversationId)) return
    if (offset > 0 && (known?.turnId !== turnId || known.text.length !== offset)) return
    this.#elsewhere.add(conversationId)
    this.#partial.set(conversationId, { turnId, text: offset === 0 ? text : known!.text + text })
    this.#publish(conversationId, { kind: 'delta', turnId, offset, text })
  }

  /** The answer that another process wrote is over. */
  endedElsewhere(conversationId: ConversationId): void {
    if (!this.#elsewhere.delete(conversationId)) return
    this.#partial.delete(conversationId)
    this.changedElsewhere(conversationId)
  }

  /** Is the answer in hand being written by another process? */
  isElsewhere(conversationId: ConversationId): boolean {
    return this.#elsewhere.has(conversationId)
  }

  /** Conversations that somebody watches here. */
  get watched(): Iterable<ConversationId> {
    return this.#watched.keys()
  }

  changed(conversationId: ConversationId): void {
    this.changedElsewhere(conversationId)
    this.onChanged?.(conversationId)
  }

  /** As `changed`, done by another process, which has told everybody. */
  changedElsewhere(conversationId: ConversationId): void {
    this.#publish(conversationId, { kind: 'changed' })
  }

  /** Something may have changed of which nobody told: whoever watches is to look. */
  missed(): void {
    for (const conversationId of this.#watched.keys()) this.changedElsewhere(conversationId)
  }

  /** What has been written so far of the answer in hand; null = none is being written. */
  partial(conversationId: ConversationId): { readonly turnId: string; readonly text: string } | null {
    return this.#partial.get(conversationId) ?? null
  }

  #publish(conversationId: ConversationId, event: ConversationEvent): void {
    this.#watched.get(conversationId)?.emit(event)
  }
}
