import type { ConversationId } from './inbox.ts'
import type { WorkSource } from './work-source.ts'

/**
 * What one gateway tells the others on the same store. It only wakes: the store has the facts, so
 * that news that went lost costs time and nothing else.
 */
export type FleetNews =
  /** There is work for whoever has room. */
  | { readonly kind: 'work' }
  /** Somebody was told something: it is in the outbox. */
  | { readonly kind: 'outbox'; readonly id: ConversationId }
  /** Rows of the conversation have changed. */
  | { readonly kind: 'changed'; readonly id: ConversationId }
  /** The answer in hand is not wanted any more. The store has withdrawn what waits. */
  | { readonly kind: 'stop'; readonly id: ConversationId }
  /** The provider's state was written down anew. */
  | { readonly kind: 'gate' }
  /** The incident was written down anew. */
  | { readonly kind: 'incident' }
  /** Messages came to their end, or have to wait; for the counts of the incident. */
  | {
      readonly kind: 'count'
      readonly outcome: 'held' | 'answered' | 'refused' | 'parked'
      readonly messages: number
    }
  /** The line to the others was interrupted: any of the above may have been missed. */
  | { readonly kind: 'missed' }

/** Several gateways on one store, as the messages see them. */
export interface Fleet {
  /** Names this process among the others. */
  readonly id: string
  readonly work: WorkSource
  /** Does this process answer, or does it only take in and send? */
  readonly answers: boolean
  /** Processes that answer now, at least one: they share the rates. */
  readonly workers: () => number
  /** Never throws; what cannot be told is read from the store a little later. */
  tell(news: FleetNews): void
  listen(listener: (news: FleetNews) => void): Disposable
}
