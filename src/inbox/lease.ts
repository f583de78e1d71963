import type { Outage, MessageContext } from './arrival.ts'
import type { ConversationId, StoredMessage, Conversation } from './message.ts'
import type { Journal } from './step.ts'

/** The exclusive right to answer the oldest message(s) of one conversation. */
export interface Lease {
  readonly turnId: string
  /** Fencing token: a result is accepted only while this is the newest lease of the conversation. */
  readonly generation: number
  readonly conversation: Conversation
  /** One message, or several of one person that are answered together; oldest first. */
  readonly messages: readonly StoredMessage[]
  /**
   * What was said before, since the last `/new`, oldest first, answered turns only; cut at `historyLimit`
   * characters of text, not counting blocks.
   */
  readonly history: readonly StoredMessage[]
  /** History older than `history` exists, and this is what is known of it. */
  readonly summary: string | null
  /** Failures of handling so far (outages do not count). */
  readonly failures: number
  /** The platform's id of a draft that an earlier attempt has shown. */
  readonly draft: string | null
  /** The context that came with the message; absent for most. */
  readonly context?: MessageContext
  /** The steps that an earlier attempt has stored: the turn continues from there. Empty for most. */
  readonly journal: Journal
}

/** There is something to answer, but it may not be tried yet. */
export interface NotYet {
  /** In epoch milliseconds. */
  readonly notBefore: number
}

export function isLease(found: Lease | NotYet | null): found is Lease {
  return found !== null && 'turnId' in found
}

export interface Usage {
  readonly inputTokens: number
  readonly outputTokens: number
  readonly cacheReadTokens: number
  readonly cacheWriteTokens: number
}

/** @param usages at least one */
export function sumOfUsages(usages: readonly Usage[]): Usage {
  return usages.reduce((a, b) => ({
    inputTokens: a.inputTokens + b.inputTokens,
    outputTokens: a.outputTokens + b.outputTokens,
    cacheReadTokens: a.cacheReadTokens + b.cacheReadTokens,
    cacheWriteTokens: a.cacheWriteTokens + b.cacheWriteTokens,
  }))
}

/** What was spent without an answer. */
export interface TurnCost {
  readonly model: string
  readonly usage: Usage
  /** The model's share of the time, in milliseconds. */
  readonly modelMs: number
}

/** How a turn ended. */
export type TurnOutcome =
  | {
      readonly kind: 'answered'
      readonly text: string
      /** See `StoredMessage.blocks`. */
      readonly blocks?: string | null
      /** See `StoredMessage.preface`. */
      readonly preface: string | null
      readonly model: string
      readonly usage: Usage
      /** The model's share of the time, in milliseconds. */
      readonly modelMs: number
      /** Replaces the conversation's summary of what `history` no longer holds; undefined = unchanged. */
      readonly summary?: string
      /** The `seq` of the last answer that `summary` covers; `history` begins after it from now on. */
      readonly summaryUpTo?: number
      /** Why the answer ends before its end; becomes the answer's own `reason`. */
      readonly reason?: string
      /** See `MessageAbout.responseId`. */
      readonly responseId?: string
    }
  /** The person reads `notice`; the message leaves the history. */
  | { readonly kind: 'refused'; readonly reason: string; readonly notice: string }
  /** Back to the queue because of an outage: does not count as a failure. */
  | { readonly kind: 'held'; readonly outage: Outage }
  /**
   * Back to the queue at once: shutdown, the split of merged messages (of a turn without a stored step), or a message
   * that joins them.
   */
  | { readonly kind: 'returned'; readonly split?: boolean; readonly cost?: TurnCost }
  /** Handling threw: counted; `retryAt` is when it may be tried again. */
  | { readonly kind: 'failed'; readonly reason: string; readonly retryAt: number }
  /** Waits for the operator, with its steps; later messages are answered. */
  | { readonly kind: 'parked'; readonly reason: string; readonly notice: string }
  /**
   * Stopped by the person; `text` is what had been shown. With `blocks` (see `StoredMessage.blocks`) the turn is
   * part of the history, unless that was cleared since then.
   */
  | { readonly kind: 'stopped'; readonly text: string; readonly blocks?: string | null }

/** With what a turn begins. */
export type TurnTerms = Pick<LeaseRequest, 'owner' | 'historyLimit' | 'merge'>

export interface LeaseRequest {
  readonly conversationId: ConversationId
  readonly owner: string
  readonly now: number
  /** Characters of history to hand over, at most. */
  readonly historyLimit: number
  /**
   * Give consecutive messages of one person as one turn. More may join until something of the answer is shown; from
   * then on they stay together, until they are answered or split.
   */
  readonly merge: boolean
  /**
   * An earlier call of this owner failed but may have been stored: a lease that the owner does not know of
   * is ended, and a new one is granted.
   */
  readonly again?: boolean
}
