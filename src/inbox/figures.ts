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
}
