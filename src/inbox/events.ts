import type { ConversationId } from './inbox.ts'

/** What happens in a conversation, for whoever watches it live. Durable facts are in the store; these only wake. */
export type ConversationEvent =
  /** More of the answer that is being written. `offset` 0 begins anew. Never stored. */
  | { readonly kind: 'delta'; readonly turnId: string; readonly offset: number; readonly text: string }
  /** Rows of the conversation have changed: read those after your last revision. */
  | { readonly kind: 'changed' }

type Listener = (event: ConversationEvent) => void

/** Publishes the events of conversations to those who watch them; free where nobody does. */
export class ConversationEvents {
  /** Tells those who are watched from other processes; left out: there are none. */
  onChanged: ((conversationId: ConversationId) => void) | null = null
  readonly #listeners = new Map<ConversationId, Set<Listener>>()
  /** The text of answers that are being written, so that a new watcher sees it whole. Kept only while watched or written. */
  readonly #partial = new Map<ConversationId, { turnId: string; text: string }>()

  watch(conversationId: ConversationId, listener: Listener): Disposable {
    let set = this.#listeners.get(conversationId)
    if (!set) this.#listeners.set(conversationId, (set = new Set()))
    set.add(listener)
    return {
      [Symbol.dispose]: () => {
        set.delete(listener)
        if (set.size === 0 && this.#listeners.get(conversationId) === set)
          this.#listeners.delete(conversationId)
      },
    }
  }

  /** An answer begins, or begins anew. */
  begin(conversationId: ConversationId, turnId: string): void {
    this.#partial.set(conversationId, { turnId, text: '' })
    this.#publish(conversationId, { kind: 'delta', turnId, offset: 0, text: '' })
  }

  delta(conversationId: ConversationId, text: string): void {
    const partial = this.#partial.get(conversationId)
    if (!partial) return
    const offset = partial.text.length
    partial.text += text
    this.#publish(conversationId, { kind: 'delta', turnId: partial.turnId, offset, text })
  }

  /** The answer is over, whichever way; the store has the rest. */
  end(conversationId: ConversationId): void {
    this.#partial.delete(conversationId)
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
    for (const conversationId of this.#listeners.keys()) this.changedElsewhere(conversationId)
  }

  /** What has been written so far of the answer in hand; null = none is being written. */
  partial(conversationId: ConversationId): { readonly turnId: string; readonly text: string } | null {
    return this.#partial.get(conversationId) ?? null
  }

  #publish(conversationId: ConversationId, event: ConversationEvent): void {
    for (const listener of this.#listeners.get(conversationId) ?? []) listener(event)
  }
}
