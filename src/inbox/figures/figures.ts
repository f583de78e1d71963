/** Counts by the minute, for the plots of the dashboard; kept for the term of `retention.figures`. */
export interface Figures {
  /** Adds `value` to the minute in which `at` (epoch milliseconds) lies. */
  add(name: string, at: number, value: number): Promise<void>
  /** The minutes from `from` to before `to` (epoch milliseconds) that have a value, in order. */
  read(
    name: string,
    from: number,
    to: number,
  ): Promise<ReadonlyArray<{ readonly at: number; readonly value: number }>>
  /** Several figures at once, put together by steps that begin at whole multiples of `stepMs` since the epoch. */
  sums(query: FigureQuery): Promise<readonly FigureSum[]>
}

export interface FigureQuery {
  readonly names: readonly string[]
  /** Epoch milliseconds, the first minute that counts. */
  readonly from: number
  /** Epoch milliseconds, exclusive end of the range. */
  readonly to: number
  /** Whole minutes, in milliseconds. */
  readonly stepMs: number
}

/** One figure in one step that has a value. */
export interface FigureSum {
  readonly name: string
  /** The beginning of the step, epoch milliseconds. */
  readonly at: number
  readonly sum: number
  /** The largest minute. */
  readonly max: number
}
