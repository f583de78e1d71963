import { modelId, type PriceConfig } from '../config/sections/model.ts'

/** Money: a whole number of nano-dollars (1e-9 USD). */
export type NanoUsd = number

/** What a model costs: USD per million tokens, and per thousand searches. */
export interface Prices {
  readonly input: number
  readonly output: number
  readonly cacheRead: number
  /** Written to the cache for 5 minutes. */
  readonly cacheWrite5m: number
  /** Written to the cache for an hour. */
  readonly cacheWrite1h: number
  readonly webSearch: number
}

/** Of every model. */
const WEB_SEARCH = 10
/** What the cache costs, as a share of the input's price, unless a model has prices of its own. */
const CACHE_READ = 0.1
const CACHE_WRITE_5M = 1.25
const CACHE_WRITE_1H = 2

/**
 * As of 30 November 2026: https://platform.claude.com/docs/en/about-claude/pricing. Models without an entry have no
 * known price: those of 5.2 are not listed, and what Haiku 5.5 costs depends on the length of the prompt.
 */
const BUILT_IN_PRICES: Readonly<Record<string, Prices>> = {
  'claude-sonnet-5-5': pricesFrom(2, 10),
  'claude-opus-5-5': { ...pricesFrom(4, 20), cacheRead: 0.2 },
  'claude-fable-5-1': { ...pricesFrom(10, 50), cacheRead: 0.25 },
  'claude-mythos-5-1': { ...pricesFrom(10, 50), cacheRead: 0.25 },
  'claude-sonnet-5': pricesFrom(2, 10),
  'claude-opus-5': pricesFrom(5, 25),
  'claude-fable-5': pricesFrom(10, 50),
  'claude-mythos-5': pricesFrom(10, 50),
  'claude-opus-4-8': pricesFrom(5, 25),
  'claude-opus-4-7': pricesFrom(5, 25),
  'claude-opus-4-6': pricesFrom(5, 25),
  'claude-opus-4-5': pricesFrom(5, 25),
  'claude-sonnet-4-6': pricesFrom(3, 15),
  'claude-sonnet-4-5': pricesFrom(3, 15),
  'claude-haiku-4-5': pricesFrom(1, 5),
}

/** The end of a model's id that names its snapshot. */
const DATE = /-20\d{6}$/

/** What each model costs: the prices that are known here, and those of the configuration, which win. */
export class PriceTable {
  readonly #prices: ReadonlyMap<string, Prices>

  /** @param configured `model.prices` of the configuration */
  constructor(configured: PriceConfig = {}) {
    this.#prices = new Map([
      ...Object.entries(BUILT_IN_PRICES),
      ...Object.entries(configured).map(
        ([model, prices]) => [modelId(model), configuredPrices(prices)] as const,
      ),
    ])
  }

  /** @param model its id, with or without the date; null = its price is unknown */
  pricesOf(model: string): Prices | null {
    return this.#prices.get(model) ?? this.#prices.get(model.replace(DATE, '')) ?? null
  }

  /** Of each kind the highest price in the table: what a model of unknown price costs at most, as far as one can know. */
  dearest(): Prices {
    const all = [...this.#prices.values()]
    const highest = (kind: keyof Prices) => Math.max(...all.map((prices) => prices[kind]))
    return {
      input: highest('input'),
      output: highest('output'),
      cacheRead: highest('cacheRead'),
      cacheWrite5m: highest('cacheWrite5m'),
      cacheWrite1h: highest('cacheWrite1h'),
      webSearch: highest('webSearch'),
    }
  }
}

/** What is left out follows from the input's price. */
function configuredPrices(prices: PriceConfig[string]): Prices {
  const derived = pricesFrom(prices.input, prices.output)
  return {
    ...derived,
    cacheRead: prices.cacheRead ?? derived.cacheRead,
    cacheWrite5m: prices.cacheWrite5m ?? derived.cacheWrite5m,
    cacheWrite1h: prices.cacheWrite1h ?? derived.cacheWrite1h,
    webSearch: prices.webSearch ?? derived.webSearch,
  }
}

function pricesFrom(input: number, output: number): Prices {
  return {
    input,
    output,
    cacheRead: input * CACHE_READ,
    cacheWrite5m: input * CACHE_WRITE_5M,
    cacheWrite1h: input * CACHE_WRITE_1H,
    webSearch: WEB_SEARCH,
  }
}
