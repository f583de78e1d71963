/** About how many lines of the grid a plot has above its zero line. */
const GRID_LINES = 3
/** The dates on the axis are at least this far apart. */
const MIN_DATE_PX = 62
/** A bar covers this share of its day, and is never wider than a finger. */
const BAR_SHARE = 0.72
const MAX_BAR_PX = 28

/** The steps of the axis, zero first; the last one is at or above `max`. */
export function axisSteps(max: number): readonly number[] {
  if (!(max > 0)) return [0, 1]
  const raw = max / GRID_LINES
  const power = 10 ** Math.floor(Math.log10(raw))
  const step = [1, 2, 2.5, 5, 10].map((digit) => digit * power).find((size) => size >= raw * 0.999)!
  const count = Math.ceil((max / step) * 0.999)
  // Not by adding up: sums of tenths drift.
  return Array.from({ length: count + 1 }, (_, index) => Number((index * step).toPrecision(12)))
}

export interface Slot {
  /** Where the day begins. */
  readonly x: number
  readonly width: number
  readonly barX: number
  readonly barWidth: number
  /** Its date is written on the axis. */
  readonly dated: boolean
}

/** A place for each day between `left` and `right`; the last day is dated, and every so many before it. */
export function slots(days: number, left: number, right: number): readonly Slot[] {
  const width = Math.max(0, right - left) / days
  const barWidth = Math.max(1, Math.min(MAX_BAR_PX, width * BAR_SHARE))
  const every = Math.max(1, Math.ceil(MIN_DATE_PX / Math.max(width, 1)))
  return Array.from({ length: days }, (_, index) => {
    const x = left + index * width
    return {
      x,
      width,
      barX: x + (width - barWidth) / 2,
      barWidth,
      dated: (days - 1 - index) % every === 0,
    }
  })
}

export interface Piece {
  readonly layer: number
  /** Values: what lies below it, and its own height. */
  readonly from: number
  readonly value: number
}

/** The pieces of one day's bar, the first layer at the bottom. */
export function stack(values: ReadonlyArray<number | null>): readonly Piece[] {
  let from = 0
  return values.flatMap((value, layer) => {
    if (value === null || value <= 0) return []
    const piece = { layer, from, value }
    from += value
    return [piece]
  })
}
