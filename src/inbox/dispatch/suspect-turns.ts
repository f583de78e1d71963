import type { ConversationId } from '../message.ts'

/**
 * Conversations whose turn failed without showing whether the provider fails for everybody: only they wait
 * while the gate suspects it.
 */
export class SuspectTurns {
  /** The messages that wait there, the failed ones and what came behind them. */
  readonly #waiting = new Map<ConversationId, number>()

  /** How many messages wait. */
  get messages(): number {
    let count = 0
    for (const messages of this.#waiting.values()) count += messages
    return count
  }

  failed(id: ConversationId, messages: number): void {
    this.#waiting.set(id, Math.max(messages, this.#waiting.get(id) ?? 0))
  }

  /** A message queues behind what failed. */
  arrived(id: ConversationId): void {
    const before = this.#waiting.get(id)
    if (before !== undefined) this.#waiting.set(id, before + 1)
  }

  /** Its messages were answered, withdrawn, or wait for something else. */
  ended(id: ConversationId): void {
    this.#waiting.delete(id)
  }

  /** The suspicion is over. */
  clear(): void {
    this.#waiting.clear()
  }
}
