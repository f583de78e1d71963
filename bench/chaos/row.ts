import type { Random } from '../../test/support/chance.ts'

/** Many rounds of one fault with real processes, and the figures that must come out. */
export interface ChaosRow {
  /** The fault's number in the list of faults, or a name; also how a row is chosen on the command line. */
  readonly fault: number | 'outside'
  readonly title: string
  /** Rounds of a whole run; a scale makes it shorter, and the suite runs a few. */
  readonly rounds: number
  /** What `rounds` counts, where it is something else. */
  readonly unit?: 'seconds'
  /** For rows that there are once for each. */
  readonly storage?: 'sqlite' | 'postgres'
  /** What this machine lacks for it; absent or null = nothing. */
  readonly missing?: string | null
  /** @param progress called now and then with a line for the person who waits */
  run(rounds: number, random: Random, progress?: (line: string) => void): Promise<ChaosFigures>
}

export interface ChaosFigures {
  readonly rounds: number
  /** Requests to the token endpoint. */
  readonly tokenRequests: number
  /** Single-use tokens that were sent again although somebody could have known better. */
  readonly doubles: number
  /** Sign-ins that were lost although the answer had reached this machine. */
  readonly lost: number
  /** What else the row counts, in a few words. */
  readonly notes: string
  /** Further lines of figures. */
  readonly more?: readonly string[]
  /** What the row promises, when it did not hold. */
  readonly broken: readonly string[]
}
