import type { ConversationId } from './message.ts'

/** What is to be sent, first in, first out within a conversation. */
export interface OutboxItem {
  readonly id: string
  readonly conversationId: ConversationId
  readonly channel: string
  readonly address: string
  readonly kind: 'answer' | 'notice'
  readonly text: string
  /** The platform's id of the message that it answers; null = none. */
  readonly replyTo: string | null
  /** The platform's id of a draft to be completed in place. */
  readonly draft: string | null
  /** When the message that it answers was accepted; null for notices. */
  readonly askedAt: number | null
  /** When it was put here. */
  readonly at: number
  /** Platform ids of the parts that were sent, by index. */
  readonly receipts: readonly string[]
  readonly attempts: number
}

export interface Outbox {
  /** Queues a message of the gateway itself, in order with the rest of the conversation. */
  enqueue(item: {
    readonly conversationId: ConversationId
    readonly text: string
    readonly replyTo: string | null
    readonly now: number
  }): Promise<void>
  /** The oldest unsent item of the conversation, and when it may be tried. */
  head(
    conversationId: ConversationId,
  ): Promise<{ readonly item: OutboxItem; readonly notBefore: number } | null>
  /** A part was sent. `last` also ends the item. */
  receipt(itemId: string, part: number, platformId: string, last: boolean): Promise<void>
  /** Not now: `notBefore` is when it may be tried again. */
  postpone(itemId: string, notBefore: number): Promise<void>
  /** Can never be delivered (the bot was blocked); the next item follows. */
  abandon(itemId: string, reason: string): Promise<void>
  /** Conversations with something to send, with the earliest moment for each. */
  pending(): Promise<ReadonlyArray<{ readonly conversationId: ConversationId; readonly notBefore: number }>>
}
