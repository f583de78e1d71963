import type { TimelineReport } from '../../../src/http/wire-reports.ts'
import { DAY, HOUR, MINUTE } from './words.ts'

/** Something with a beginning and an end, in pixels. */
export interface Bar {
  readonly x: number
  readonly width: number
  readonly label: string
  /** In the future. */
  readonly ahead: boolean
}

export interface Tick {
  readonly x: number
  readonly label: string
}

/** Bars thinner than this are merged. */
const THIN_PX = 4
/** Steps that people count in. */
const STEPS = [
  10 * MINUTE,
  15 * MINUTE,
  30 * MINUTE,
  HOUR,
  3 * HOUR,
  6 * HOUR,
  12 * HOUR,
  DAY,
  2 * DAY,
  7 * DAY,
  14 * DAY,
]
const MIN_STEP_PX = 74

/** From times to pixels. */
export class Scale {
  readonly from: number
  readonly to: number
  readonly width: number

  constructor(from: number, to: number, width: number) {
    this.from = from
    this.to = to
    this.width = width
  }

  x(at: number): number {
    return ((at - this.from) / (this.to - this.from)) * this.width
  }

  /** Whole hours or days of the reader's zone, far enough apart to be read. */
  marks(): ReadonlyArray<{ readonly at: number; readonly x: number }> {
    const length = this.to - this.from
    const step = STEPS.find((candidate) => (candidate / length) * this.width >= MIN_STEP_PX) ?? STEPS.at(-1)!
    const zone = new Date(this.from).getTimezoneOffset() * MINUTE
    const first = Math.ceil((this.from - zone) / step) * step + zone
    const marks = []
    for (let at = first; at < this.to; at += step) marks.push({ at, x: this.x(at) })
    return marks.filter(({ x }) => x > 20 && x < this.width - 20)
  }
}

/**
 * The tokens' lifetimes as bars. Those too short to be distinguished are merged.
 *
 * @param alive false: the last token is no longer usable
 */
export function tokenBars(
  tokens: TimelineReport['tokens'],
  scale: Scale,
  now: number,
  alive: boolean,
): readonly Bar[] {
  const bars: Bar[] = []
  const add = (from: number, to: number, label: string, ahead: boolean): void => {
    const x = Math.max(0, scale.x(from))
    const end = Math.min(scale.width, scale.x(to))
    if (end <= 0 || x >= scale.width || end <= x) return
    const last = bars.at(-1)
    const lastEnd = last ? last.x + last.width : -Infinity
    const touches = !ahead && last !== undefined && !last.ahead && x - lastEnd < 1.5
    if (touches && (end - x < THIN_PX || last.width < THIN_PX))
      bars[bars.length - 1] = { ...last, width: end - last.x, label: 'several tokens' }
    else bars.push({ x, width: end - x, label, ahead })
  }
  for (const { from, to, fingerprint } of tokens) {
    const begin = Date.parse(from)
    const end = to === null ? Infinity : Date.parse(to)
    add(begin, Math.min(end, now), `token ${fingerprint}`, false)
    if (end > now && alive)
      add(Math.max(begin, now), Math.min(end, scale.to), `token ${fingerprint}, still to come`, true)
  }
  return bars
}

/** One tick a pixel: more would not be visible. */
export function ticks(
  events: ReadonlyArray<{ readonly at: string; readonly label: string }>,
  scale: Scale,
): readonly Tick[] {
  const byPixel = new Map<number, Tick>()
  for (const { at, label } of events) {
    const x = Math.round(scale.x(Date.parse(at)) * 2) / 2
    if (x >= 0 && x <= scale.width && !byPixel.has(x)) byPixel.set(x, { x, label })
  }
  return [...byPixel.values()]
}
