import type { Spent, SpentKind, TurnCost, Unstored, Usage } from '../inbox/lease.ts'
import { costOf, worstCaseOf, type RequestBounds } from './cost.ts'
import type { PriceTable } from './price-table.ts'

/** The provider's own search is the one tool whose use a response itself shows in its price. */
const WEB_SEARCH = 'web_search'

export interface SpentFacts {
  /** The tool whose result was sent, the first of several; null or left out: none. */
  readonly tool?: string | null
  /** What the request can come to at most: for an answer that does not say what it has used. */
  readonly bounds?: () => RequestBounds
}

/** What the requests of one turn cost, from the request on until the store has it. */
export class Spending {
  readonly #prices: Pick<PriceTable, 'pricesOf'>
  readonly #onSpent: (spent: Spent) => void
  #unstored: Spent[] = []
  #stored = 0
  /** The store was given some of them, and has not said that it has them. */
  #isUncertain = false

  /** @param onSpent called with each entry, once */
  constructor(prices: Pick<PriceTable, 'pricesOf'>, onSpent: (spent: Spent) => void = () => {}) {
    this.#prices = prices
    this.#onSpent = onSpent
  }

  /** Adds what was paid; of an answer for which nothing was sent there is nothing. */
  add(kind: SpentKind, paid: TurnCost, facts: SpentFacts = {}): void {
    if (paid.requests === 0) return
    const spent = spentOf(kind, paid, this.#prices, facts)
    this.#unstored.push(spent)
    this.#onSpent(spent)
  }

  /** What goes to the store now with a step: nobody knows whether it is there until `stored` is called. */
  send(): readonly Spent[] {
    this.#isUncertain = true
    return [...this.#unstored]
  }

  /** The store has what `send` gave. */
  stored(spent: readonly Spent[]): void {
    this.#unstored = this.#unstored.filter((one) => !spent.includes(one))
    this.#stored += spent.length
    this.#isUncertain = false
  }

  /** What is still to be booked. */
  get unstored(): Unstored {
    if (this.#unstored.length === 0) return {}
    return { spent: [...this.#unstored], ...(this.#isUncertain ? { storedBefore: this.#stored } : {}) }
  }
}

/** What was paid, with its price. An answer that was lost has not said all that it used; one without usage, nothing. */
export function spentOf(
  kind: SpentKind,
  { model, usage, modelMs, requests = 1, isSubscription = false }: TurnCost,
  prices: Pick<PriceTable, 'pricesOf'>,
  { tool = null, bounds }: SpentFacts = {},
): Spent {
  const price = prices.pricesOf(model)
  const isMissing = isNothing(usage)
  return {
    kind,
    model,
    usage,
    modelMs,
    requests,
    cost: isMissing ? (price && bounds ? worstCaseOf(bounds(), price) : null) : costOf(usage, price),
    isEstimated: isMissing || kind === 'lost',
    isSubscription,
    tool: tool ?? ((usage.webSearches ?? 0) > 0 ? WEB_SEARCH : null),
  }
}

/** No request without a token is answered: the other side has not counted. */
function isNothing({ inputTokens, outputTokens, cacheReadTokens, cacheWriteTokens }: Usage): boolean {
  return inputTokens + outputTokens + cacheReadTokens + cacheWriteTokens === 0
}
