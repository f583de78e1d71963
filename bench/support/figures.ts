/** Sorted once, asked often. */
export class Samples {
  readonly #sorted: Float64Array

  constructor(values: readonly number[]) {
    this.#sorted = Float64Array.from(values).sort()
  }

  /** @param share 0.5 for the median */
  quantile(share: number): number {
    return (
      this.#sorted[Math.min(this.#sorted.length - 1, Math.floor(share * this.#sorted.length))] ?? Number.NaN
    )
  }
}

/** What a driver measured. */
export interface DriverFigures {
  readonly count: number
  readonly seconds: number
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
}

export function figuresOf(latenciesMs: readonly number[], seconds: number): DriverFigures {
  const samples = new Samples(latenciesMs)
  return {
    count: latenciesMs.length,
    seconds,
    perSecond: latenciesMs.length / seconds,
    p50Ms: samples.quantile(0.5),
    p99Ms: samples.quantile(0.99),
  }
}

/** @param aim shown in brackets */
export function printRow(what: string, figure: string, aim?: string): void {
  console.log(`  ${what.padEnd(44)} ${figure}${aim ? `  [${aim}]` : ''}`)
}
