import type { NanoUsd } from '../usage/price-table.ts'
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
  /** Written to the cache for whatever time. */
  readonly cacheWriteTokens: number
  /** The part of `cacheWriteTokens` that the cache keeps for an hour; left out = 0. */
  readonly cacheWrite1hTokens?: number
  /** Searches that the provider has made; left out = 0. */
  readonly webSearches?: number
}

/** @param usages at least one */
export function sumOfUsages(usages: readonly Usage[]): Usage {
  return usages.reduce((a, b) => ({
    inputTokens: a.inputTokens + b.inputTokens,
    outputTokens: a.outputTokens + b.outputTokens,
    cacheReadTokens: a.cacheReadTokens + b.cacheReadTokens,
    cacheWriteTokens: a.cacheWriteTokens + b.cacheWriteTokens,
    ...sumOf('cacheWrite1hTokens', a, b),
    ...sumOf('webSearches', a, b),
  }))
}

/** Nothing where neither has any. */
function sumOf(name: 'cacheWrite1hTokens' | 'webSearches', a: Usage, b: Usage): Partial<Usage> {
  const sum = (a[name] ?? 0) + (b[name] ?? 0)
  return sum > 0 ? { [name]: sum } : {}
}

/** What an answer, or the part of one, says that it cost. */
export interface TurnCost {
  readonly model: string
  readonly usage: Usage
  /** The model's share of the time, in milliseconds. */
  readonly modelMs: number
  /** How many requests it took; left out = 1. */
  readonly requests?: number
  /** Asked for with the sign-in of a subscription, which is not billed by the token; left out = it was not. */
  readonly isSubscription?: boolean
}

/**
 * What a request was for: the answer of a turn, a step of it, a summary or a compaction of its history; `discarded`:
 * an answer that is not used, `lost`: one that did not come to its end.
 */
export type SpentKind = 'answer' | 'step' | 'summary' | 'compaction' | 'discarded' | 'lost'

/** An entry of the ledger: what one request cost, or several of a kind. */
export interface Spent extends TurnCost {
  readonly kind: SpentKind
  readonly requests: number
  /** At the prices of the API; null = unknown. */
  readonly cost: NanoUsd | null
  /** Usage or cost are not what the provider has counted. */
  readonly isEstimated: boolean
  readonly isSubscription: boolean
  /** The tool whose result was sent, the first of several; null or left out: none. */
  readonly tool?: string | null
}

/** What a turn has paid for that the store does not have yet. */
export interface Unstored {
  /** In the order in which it was paid. Left out: nothing; of an answer: its own usage, at an unknown price. */
  readonly spent?: readonly Spent[]
  /**
   * How many entries of the turn were stored before `spent`, as far as is known: some of `spent` may be, too, because
   * the store did not say what became of a step. Left out: none of it is.
   */
  readonly storedBefore?: number
}

/** How a turn ended, and what is still to be booked of it. */
export type TurnOutcome = TurnEnding &
  Unstored & {
    /** See `StepToStore.settles`. */
    readonly settles?: NanoUsd
  }

type TurnEnding =
  | {
      readonly kind: 'answered'
      readonly text: string
      /** See `StoredMessage.blocks`. */
      readonly blocks?: string | null
      /** See `StoredMessage.preface`. */
      readonly preface: string | null
      readonly model: string
      /** Of all responses of the turn. */
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
  /**
   * Back to the queue because of an outage: does not count as a failure. With `until`, in epoch milliseconds, it is no
   * outage: the message is tried again at that moment, and does not grow too old until then.
   */
  | { readonly kind: 'held'; readonly outage: Outage; readonly until?: number }
  /**
   * Back to the queue at once: shutdown, the split of merged messages (of a turn without a stored step), or a message
   * that joins them.
   */
  | { readonly kind: 'returned'; readonly split?: boolean }
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
