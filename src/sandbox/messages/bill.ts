import type { Prices, SimulatedModel } from './model-table.ts'

/** The tokens of one request or of many, as they are paid for. */
export interface PaidTokens {
  readonly input: number
  readonly output: number
  readonly cacheRead: number
  readonly cacheWrite5m: number
  readonly cacheWrite1h: number
}

/** What one model has been asked for. */
export interface BillRow extends PaidTokens {
  readonly model: string
  readonly requests: number
  /** null: the price is not known. */
  readonly costUsd: number | null
}

export const NOTHING: PaidTokens = { input: 0, output: 0, cacheRead: 0, cacheWrite5m: 0, cacheWrite1h: 0 }
/** Prices are per million tokens. */
const PRICED_TOKENS = 1_000_000

/** What tokens cost, in USD; null: the price is not known. */
export function costOf(tokens: PaidTokens, prices: Prices | null): number | null {
  if (!prices) return null
  const sum = (Object.keys(NOTHING) as Array<keyof PaidTokens>).reduce(
    (cost, kind) => cost + tokens[kind] * prices[kind],
    0,
  )
  return sum / PRICED_TOKENS
}

/** What the account would pay: counted at the provider, whatever its clients count. */
export class Bill {
  readonly #rows = new Map<
    string,
    PaidTokens & { readonly requests: number; readonly prices: Prices | null }
  >()

  add({ id, rules }: SimulatedModel, tokens: PaidTokens): void {
    const before = this.#rows.get(id) ?? { requests: 0, ...NOTHING }
    this.#rows.set(id, {
      requests: before.requests + 1,
      prices: rules.prices,
      input: before.input + tokens.input,
      output: before.output + tokens.output,
      cacheRead: before.cacheRead + tokens.cacheRead,
      cacheWrite5m: before.cacheWrite5m + tokens.cacheWrite5m,
      cacheWrite1h: before.cacheWrite1h + tokens.cacheWrite1h,
    })
  }

  /** A row a model, in the order in which they were first asked. */
  get rows(): readonly BillRow[] {
    return [...this.#rows].map(([model, { prices, ...tokens }]) => ({
      model,
      ...tokens,
      costUsd: costOf(tokens, prices),
    }))
  }
}
