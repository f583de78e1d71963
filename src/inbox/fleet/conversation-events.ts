import { Emitter } from '../../support/emitter.ts'
import type { ConversationId } from '../message.ts'

/** What happens in a conversation, for its live watchers. Durable facts are in the store; events only wake. */
export type ConversationEvent =
  /** More of the answer that is being written. `offset` 0 starts over. Never stored. */
  | { readonly kind: 'delta'; readonly turnId: string; readonly offset: number; readonly text: string }
  /** Rows of the conversation have changed: read those after your last revision. */
  | { readonly kind: 'changed' }

/** Publishes the events of conversations to those who watch them; free where nobody does. */
export class ConversationEvents {
  /** Notifies watchers in other processes; null: there are no other processes. */
  onChanged: ((conversationId: ConversationId) => void) | null = null
  /** Rows of a conversation have changed here or in another process; null: of any conversation. */
  onAnyChange: ((conversationId: ConversationId | null) => void) | null = null
  /** Somebody has begun to watch a conversation that nobody here watched. */
  onWatched: ((conversationId: ConversationId) => void) | null = null
  /** An answer written by this process has grown or ended. */
  onWritten: ((conversationId: ConversationId) => void) | null = null
  /** Answers that another process is writing. */
  readonly #elsewhere = new Set<ConversationId>()
  readonly #watched = new Map<ConversationId, Emitter<ConversationEvent>>()
  /**
   * The text of answers that are being written, so that a new watcher sees it whole. Kept only while
   * watched or written.
   */
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
        // Nobody here watches it any more, so the other process will not report its end.
        if (this.#elsewhere.delete(conversationId)) this.#partial.delete(conversationId)
      },
    }
  }

  /** An answer begins, or starts over. */
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

  /** The answer has ended, successfully or not; the store has the rest. */
  end(conversationId: ConversationId): void {
    this.#partial.delete(conversationId)
    this.onWritten?.(conversationId)
  }

  /** Another process writes an answer. A piece that does not continue the known text is ignored. */
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

  /** The answer that another process wrote has ended. */
  endedElsewhere(conversationId: ConversationId): void {
    if (!this.#elsewhere.delete(conversationId)) return
    this.#partial.delete(conversationId)
    this.changedElsewhere(conversationId)
  }

  /** Whether the current answer is being written by another process. */
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

  /** As `changed`, by another process, which has notified all others itself. */
  changedElsewhere(conversationId: ConversationId): void {
    this.#publish(conversationId, { kind: 'changed' })
    this.onAnyChange?.(conversationId)
  }

  /** Notifications may have been lost: every watcher should read again. */
  missed(): void {
    for (const conversationId of this.#watched.keys()) this.#publish(conversationId, { kind: 'changed' })
    this.onAnyChange?.(null)
  }

  /** The text so far of the answer being written; null = none is being written. */
  partial(conversationId: ConversationId): { readonly turnId: string; readonly text: string } | null {
    return this.#partial.get(conversationId) ?? null
  }

  #publish(conversationId: ConversationId, event: ConversationEvent): void {
    this.#watched.get(conversationId)?.emit(event)
  }
}
