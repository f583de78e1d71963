import type { Emitter } from '../../support/emitter.ts'
import type { Spent } from '../lease.ts'

/** What happens to messages, for metrics and health. Counts and times only: no text, no person. */
export type MessageFact =
  | { readonly kind: 'accepted'; readonly channel: string }
  /** The answer is stored; on a channel whose readers read the store that is the last byte. */
  | {
      readonly kind: 'answered'
      readonly channel: string
      /** Accept to the last byte of the answer, in seconds; null where it still has to be sent. */
      readonly seconds: number | null
      /** The same less the model's time. */
      readonly overheadSeconds: number | null
      readonly messages: number
    }
  /** The platform accepted the last part of an answer. */
  | {
      readonly kind: 'delivered'
      readonly channel: string
      readonly seconds: number
      /** null: the model's time is unknown here, because another process made the answer. */
      readonly overheadSeconds: number | null
    }
  | { readonly kind: 'refused' | 'held' | 'parked' | 'stopped' | 'failed'; readonly channel: string }
  | { readonly kind: 'undeliverable'; readonly channel: string }
  /** A request to the model does not begin as the one before it in its conversation. */
  | { readonly kind: 'epoch'; readonly reason: string }
  /** The provider could not use what it has kept of the request before. */
  | { readonly kind: 'cache-miss'; readonly reason: string }
  /** A request was paid. */
  | { readonly kind: 'spent'; readonly spent: Spent }
  /** The store rejects what must be durable; emitted once until it works again. */
  | { readonly kind: 'store-failed'; readonly problem: string }
  | { readonly kind: 'store-recovered' }

/** Emits what happens to messages, for metrics and health. */
export type MessageObserver = Emitter<MessageFact>
