import { backoffDelay } from '../support/backoff.ts'
import { SECOND, sleep, type Clock } from '../support/clock.ts'
import { claimsOf, type BudgetedTurn, type BudgetLimits, type Claim } from './budget.ts'
import { BudgetReached, type Budgets, type ReserveRequest, type Settlement } from './budgets.ts'
import type { NanoUsd, PriceTable } from './price-table.ts'

/** Requests that are being answered leave room when they end, which takes seconds. */
const BUSY_BACKOFF = { initialMs: 0.5 * SECOND, maxMs: 5 * SECOND }

export interface BudgetKeeperOptions {
  readonly budgets: Budgets
  /** Identifies this process; see `Fleet.id`. */
  readonly owner: string
  readonly limits: BudgetLimits
  readonly prices: PriceTable
  readonly clock: Clock
  /** Something was reserved, settled or refused. @param unpriced the model, where its price is unknown */
  readonly onUse: (unpriced: string | null) => void
  readonly onProblem: (error: unknown) => void
  readonly random?: () => number
}

/** The budgets as the turns of this process use them. */
export class BudgetKeeper {
  readonly prices: PriceTable
  readonly #options: BudgetKeeperOptions
  /** Settlements that are in no commit of a turn, and that the store has not taken yet. */
  #unsettled: readonly Settlement[] = []

  constructor(options: BudgetKeeperOptions) {
    this.#options = options
    this.prices = options.prices
  }

  /** What limits a request that this turn sends now; empty = nothing. */
  claims(turn: BudgetedTurn): readonly Claim[] {
    const { limits, clock } = this.#options
    return claimsOf(turn, limits, clock.now())
  }

  /**
   * Reserves room for a request; waits while there may be room soon.
   *
   * @param earlier what the turn has reserved before, and what that has cost
   * @returns what was reserved, at least what the request needs
   * @throws BudgetReached | StoreError | the signal's reason
   */
  async reserve(
    request: Omit<ReserveRequest, 'owner' | 'now' | 'settles'>,
    signal: AbortSignal,
    earlier: readonly Settlement[] = [],
  ): Promise<NanoUsd> {
    const { budgets, owner, clock, onUse, random = Math.random } = this.#options
    this.#unsettled = [...this.#unsettled, ...earlier]
    for (let attempt = 1; ; attempt++) {
      const settles = this.#unsettled
      const reserved = await budgets.reserve({ ...request, settles, owner, now: clock.now() })
      this.#unsettled = this.#unsettled.filter((one) => !settles.includes(one))
      onUse(request.isUnpriced ? request.model : null)
      if (reserved.kind === 'granted') return reserved.amount
      if (reserved.kind === 'reached') throw new BudgetReached(reserved.claim, reserved.raised)
      await sleep(clock, backoffDelay(attempt, BUSY_BACKOFF, random()), signal)
    }
  }

  /** A turn has stored its step or its end, and with it what its request has cost. */
  settled(): void {
    this.#options.onUse(null)
  }

  /** Settles what no commit of a turn does. What the store does not take is settled with the next request. Never rejects. */
  async settle(settlement: Settlement): Promise<void> {
    const { budgets, onUse, onProblem } = this.#options
    this.#unsettled = [...this.#unsettled, settlement]
    const settlements = this.#unsettled
    try {
      await budgets.settle(settlements)
      this.#unsettled = this.#unsettled.filter((one) => !settlements.includes(one))
      onUse(null)
    } catch (error) {
      onProblem(error)
    }
  }

  /** Before the first turn: what earlier processes had reserved counts as spent. @throws StoreError */
  async start(): Promise<void> {
    const { budgets, owner, clock } = this.#options
    await budgets.closeGone(owner, clock.now())
  }

  /** After the last turn: the others may use what this process has not. Never rejects. */
  async stop(): Promise<void> {
    const { budgets, owner, clock, onProblem } = this.#options
    try {
      await budgets.settle(this.#unsettled)
      await budgets.close(owner, clock.now())
    } catch (error) {
      onProblem(error)
    }
  }
}
