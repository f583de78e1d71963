import { DAY, HOUR, MINUTE } from '../../support/clock.ts'
import { HELD_FIGURE, HOURLY, type FigureRecorder, quantile, TIME_FIGURES } from './figure-recorder.ts'
import type { FigureSum, Figures } from './figures.ts'

/** What can be drawn. */
export const SERIES = [
  'accepted',
  'answered',
  'refused',
  'parked',
  'refreshes',
  'refresh-failures',
  'rejections',
  'held',
  'time-p50',
  'time-p99',
] as const
export type SeriesName = (typeof SERIES)[number]

const QUANTILES: Readonly<Partial<Record<SeriesName, number>>> = { 'time-p50': 0.5, 'time-p99': 0.99 }

/** As many points as a wide screen can show separately. */
const MAX_POINTS = 180
/** Steps that divide hours and days, so that points fall on round times. */
const STEPS = [1, 2, 5, 10, 15, 30]
  .map((minutes) => minutes * MINUTE)
  .concat([1, 2, 3, 4, 6, 12].map((h) => h * HOUR))

export interface Series {
  /** The beginning of the first step, epoch milliseconds. */
  readonly from: number
  readonly stepMs: number
  /**
   * A value for each step. Counts are of the whole step, `held` is the most at one time, times are in
   * seconds and null where nothing was answered.
   */
  readonly values: Readonly<Partial<Record<SeriesName, ReadonlyArray<number | null>>>>
}

/** The step in which a range of this length is shown. */
export function stepFor(lengthMs: number): number {
  const step = STEPS.find((candidate) => lengthMs / candidate <= MAX_POINTS)
  return step ?? Math.ceil(lengthMs / MAX_POINTS / DAY) * DAY
}

/**
 * The figures between two times, stored ones and those of the present minute together.
 *
 * @param from epoch milliseconds, as `to`
 */
export async function readSeries(
  figures: Pick<Figures, 'sums'>,
  recorder: Pick<FigureRecorder, 'unstored'>,
  { from, to, names }: { readonly from: number; readonly to: number; readonly names: readonly SeriesName[] },
): Promise<Series> {
  const stepMs = stepFor(to - from)
  const start = Math.floor(from / stepMs) * stepMs
  const steps = Math.max(1, Math.ceil((to - start) / stepMs))
  const end = start + steps * stepMs
  const wanted = [...new Set(names.flatMap(figuresOf))]
  const hourly = stepMs % HOUR === 0
  const [levels, counts] = await Promise.all([
    figures.sums({ names: wanted.filter((name) => name === HELD_FIGURE), from: start, to: end, stepMs }),
    figures.sums({
      names: wanted.filter((name) => name !== HELD_FIGURE).map((name) => (hourly ? HOURLY + name : name)),
      from: start,
      to: end,
      stepMs,
    }),
  ])
  const table = new Map(wanted.map((name) => [name, Array.from({ length: steps }, () => 0)]))
  for (const found of [...levels, ...counts, ...recorder.unstored(new Set(wanted))]) {
    const name = found.name.startsWith(HOURLY) ? found.name.slice(HOURLY.length) : found.name
    put(table.get(name), Math.floor((found.at - start) / stepMs), found, name)
  }
  return {
    from: start,
    stepMs,
    values: Object.fromEntries(names.map((name) => [name, lineOf(name, table, steps)])),
  }
}

function put(row: number[] | undefined, step: number, found: FigureSum, name: string): void {
  const before = row?.[step]
  if (row === undefined || before === undefined) return
  row[step] = name === HELD_FIGURE ? Math.max(before, found.max) : before + found.sum
}

function figuresOf(name: SeriesName): readonly string[] {
  return name in QUANTILES ? TIME_FIGURES : [name]
}

function lineOf(
  name: SeriesName,
  table: ReadonlyMap<string, readonly number[]>,
  steps: number,
): ReadonlyArray<number | null> {
  const share = QUANTILES[name]
  if (share === undefined) return table.get(name) ?? []
  const buckets = TIME_FIGURES.map((figure) => table.get(figure)!)
  return Array.from({ length: steps }, (_, step) =>
    quantile(
      buckets.map((bucket) => bucket[step]!),
      share,
    ),
  )
}
