import type { StepToStore } from '../inbox/inbox.ts'
import type { Lease, TurnCost, Usage } from '../inbox/lease.ts'
import type { BudgetKeeper } from '../usage/budget-keeper.ts'
import { needOf, tokensFor, type BudgetedTurn, type Need } from '../usage/budget.ts'
import { costOf, worstCaseOf } from '../usage/cost.ts'
import type { NanoUsd } from '../usage/price-table.ts'
import type { ModelSettings } from './model-settings.ts'
import type { AnswerListener, Compacted, Model, ModelAnswer, ModelRequest } from './model.ts'
import { isUnattended } from './receiver.ts'
import { boundsOf } from './request-bounds.ts'

/** Roles, separators, and what the provider adds of its own, above all where tools are offered. */
const MARGIN_TOKENS = 1_000

export interface TurnBudgetOptions {
  readonly model: Model
  readonly settings: Pick<ModelSettings, 'budgetDay' | 'models'>
  /** Left out or null: nothing is limited. */
  readonly budgets?: BudgetKeeper | null
}

/** What a request reports of its tries. */
type SpendListener = Pick<AnswerListener, 'onLost' | 'beforeRetry'>

/** A turn as its reservations name it. */
type BudgetedLease = Pick<Lease, 'turnId' | 'conversation' | 'messages'>

/** The model as one turn asks it: each request has room in the budgets before it is sent, and is settled once. */
export class TurnBudget implements Model {
  readonly #options: TurnBudgetOptions
  readonly #lease: BudgetedLease
  readonly #turn: BudgetedTurn
  /** What the requests since the last commit have cost; null = nothing is reserved. */
  #cost: NanoUsd | null = null

  constructor(options: TurnBudgetOptions, lease: BudgetedLease) {
    this.#options = options
    this.#lease = lease
    const { conversation, messages } = lease
    const { personId } = messages[0]!
    this.#turn = {
      person: personId === null ? null : `${conversation.channel}:${personId}`,
      conversation: conversation.id,
      chatDay: options.settings.budgetDay(conversation),
      isUnattended: isUnattended(personId),
    }
  }

  /** What the commit of a step, or of the turn's end, settles; empty = nothing is reserved. */
  get settlement(): Pick<StepToStore, 'settles'> {
    return this.#cost === null ? {} : { settles: this.#cost }
  }

  /** That commit is made, or is as good as made. */
  settled(): void {
    if (this.#cost === null) return
    this.#cost = null
    this.#options.budgets?.settled()
  }

  /** The turn ends without a commit that settles anything. Never rejects. */
  async end(): Promise<void> {
    if (this.#cost === null) return
    const cost = this.#cost
    this.#cost = null
    await this.#options.budgets?.settle({ turnId: this.#lease.turnId, cost })
  }

  /**
   * As `Model.answer`. Where the budgets have no room for all of the answer, it is asked for with fewer tokens, and the
   * answer says with how many.
   *
   * @throws as `Model.answer`; BudgetReached
   */
  async answer(request: ModelRequest, listener: AnswerListener): Promise<ModelAnswer> {
    const { model } = this.#options
    const send = (given: ModelRequest, more: SpendListener) => model.answer(given, { ...listener, ...more })
    const answer = await this.#limited(request, listener, send)
    return answer.maxTokens === undefined ? answer.spent : { ...answer.spent, maxTokens: answer.maxTokens }
  }

  /** As `Model.compact`. @throws as `answer` */
  async compact(
    request: ModelRequest,
    listener: Parameters<NonNullable<Model['compact']>>[1],
  ): Promise<Compacted | null> {
    const { model } = this.#options
    const send = (given: ModelRequest, more: SpendListener) => model.compact!(given, { ...listener, ...more })
    return (await this.#limited(request, listener, send)).spent
  }

  async #limited<Paid extends TurnCost | null>(
    request: ModelRequest,
    listener: Pick<AnswerListener, 'signal' | 'onLost'>,
    send: (request: ModelRequest, listener: SpendListener) => Promise<Paid>,
  ): Promise<{ readonly spent: Paid; readonly maxTokens?: number }> {
    const { budgets: keeper = null, settings } = this.#options
    const claims = keeper?.claims(this.#turn) ?? []
    if (!keeper || claims.length === 0) return { spent: await send(request, {}) }
    const { turnId, conversation } = this.#lease
    const known = keeper.prices.pricesOf(request.model)
    const prices = known ?? keeper.prices.dearest()
    const asked = boundsOf(request)
    const contextTokens = settings.models.find(request.model)?.contextTokens ?? Infinity
    const bounds = { ...asked, inputTokens: Math.min(asked.inputTokens + MARGIN_TOKENS, contextTokens) }
    const reserve = async (need: Need) => {
      const earlier = this.#cost === null ? [] : [{ turnId, cost: this.#cost }]
      this.#cost = null
      return await keeper.reserve(
        {
          turnId,
          conversationId: conversation.id,
          model: request.model,
          claims,
          isUnpriced: known === null,
          ...need,
        },
        listener.signal,
        earlier,
      )
    }
    let reserved = await reserve(needOf(bounds, prices))
    const maxTokens = tokensFor(reserved, bounds, prices)
    const isLowered = maxTokens < request.maxTokens
    let lost = 0
    let isLost = false
    this.#cost = reserved
    try {
      const spent = await send(isLowered ? { ...request, maxTokens } : request, {
        onLost(cost) {
          isLost = true
          lost += isMissing(cost.usage) ? worstCaseOf(bounds, prices) : costOf(cost.usage, prices)!
          listener.onLost?.(cost)
        },
        // What was lost is settled with the reservation for the next try: each of them has room of its own.
        beforeRetry: async () => {
          this.#cost = lost
          lost = 0
          isLost = false
          const again = worstCaseOf({ ...bounds, maxTokens }, prices)
          reserved = await reserve({ most: again, least: again })
          this.#cost = reserved
        },
      })
      // Without figures what was reserved stands.
      const isCounted = spent === null || !isMissing(spent.usage)
      this.#cost = lost + (isCounted ? (spent === null ? 0 : costOf(spent.usage, prices)!) : reserved)
      return isLowered ? { spent, maxTokens } : { spent }
    } catch (error) {
      // A request that was ended before its answer began may have been read all the same.
      const isCut = listener.signal.aborted && !isLost
      this.#cost = isCut ? worstCaseOf({ ...bounds, maxTokens: 0, searches: 0 }, prices) : lost
      throw error
    }
  }
}

function isMissing({ inputTokens, cacheReadTokens, cacheWriteTokens }: Usage): boolean {
  return inputTokens + cacheReadTokens + cacheWriteTokens === 0
}
