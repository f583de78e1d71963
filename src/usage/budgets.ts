import { HermesError } from '../support/errors.ts'
import type { BudgetUse, Claim, Need } from './budget.ts'
import type { NanoUsd } from './price-table.ts'

/** What the reservation of a turn has turned out to cost. */
export interface Settlement {
  readonly turnId: string
  readonly cost: NanoUsd
}

/** Room for one request. */
export interface ReserveRequest extends Need {
  /** The process that asks; see `Fleet.id`. */
  readonly owner: string
  /** New with every lease of a conversation. */
  readonly turnId: string
  readonly conversationId: string
  readonly model: string
  /** At least one; of different budgets. */
  readonly claims: readonly Claim[]
  /** Earlier requests that are over, settled in the same commit. */
  readonly settles: readonly Settlement[]
  /** The price of the model is unknown. */
  readonly isUnpriced: boolean
  readonly now: number
}

export type Reserved =
  | { readonly kind: 'granted'; readonly amount: NanoUsd }
  /** There is no room now, and there may be when requests that are being answered are settled. */
  | { readonly kind: 'busy' }
  /** What is spent leaves no room for the rest of the period. */
  | { readonly kind: 'reached'; readonly claim: Claim; readonly raised: NanoUsd }

/**
 * What is spent of the budgets, and what is reserved for requests that are being answered. Several processes take
 * their share of a budget in slices, so that they do not wait for each other's commits. See `Inbox` for the terms.
 */
export interface Budgets {
  /**
   * Reserves room for a request in each of its budgets, at most once at a time for a turn: a further reservation of a turn
   * is added to it. It lasts until the turn's next step, or its end, is stored with what it cost.
   */
  reserve(request: ReserveRequest): Promise<Reserved>
  /** Settles reservations of turns that store nothing; those that are not open are passed over. */
  settle(settlements: readonly Settlement[]): Promise<void>
  /** Gives back what this process has taken and not spent. To be called when it has no turns any more. */
  close(owner: string, now: number): Promise<void>
  /** The same for processes that are gone; what they had reserved counts as spent. @param owner this process */
  closeGone(owner: string, now: number): Promise<void>
  /** What is known of these budgets. */
  use(claims: readonly Claim[], now: number): Promise<readonly BudgetUse[]>
  /** Adds to these budgets, for today. */
  raise(claims: readonly Claim[], amount: NanoUsd, now: number): Promise<void>
}

/** A budget has no room for a message, which waits for the end of its period. */
export class BudgetReached extends HermesError {
  readonly claim: Claim
  readonly raised: NanoUsd

  constructor(claim: Claim, raised: NanoUsd) {
    super(`the budget of the ${claim.kind} is reached`)
    this.claim = claim
    this.raised = raised
  }
}
