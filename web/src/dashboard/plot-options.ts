import uPlot from 'uplot'
import type { SeriesValues } from '../../../src/http/wire-reports.ts'
import { DAY, time } from './words.ts'

/** All plots share one cursor. */
const TOGETHER = 'board'
const HEIGHT = 168
/** Dragging less than this is a click. */
const MIN_DRAG_PX = 8

export interface PlotParts {
  readonly width: number
  readonly scale: 'linear' | 'log'
  readonly format: (value: number) => string
  readonly counted: boolean
  readonly lines: readonly PlotLine[]
  readonly onIndex: (index: number | null) => void
  readonly onZoom: (from: number, to: number) => void
}

/** Options for the plotting library. Colours come from the current style sheet. */
export function optionsOf({
  width,
  scale,
  format,
  counted,
  lines,
  onIndex,
  onZoom,
}: PlotParts): uPlot.Options {
  const style = getComputedStyle(document.documentElement)
  const colour = (name: string): string => style.getPropertyValue(name).trim()
  const ink = colour('--ink-soft')
  const line = colour('--line')
  const font = `12px ${style.getPropertyValue('--font')}`
  return {
    width,
    height: HEIGHT,
    padding: [8, 12, 0, 0],
    legend: { show: false },
    cursor: {
      sync: { key: TOGETHER, scales: ['x', null] },
      drag: { x: true, y: false, setScale: false, dist: MIN_DRAG_PX },
      points: { size: 7 },
      y: false,
    },
    scales: {
      x: { time: true },
      y:
        scale === 'log'
          ? { distr: 3, range: logRange }
          : { range: (_self, _min, max) => [0, Math.max(1, max * 1.1)] },
    },
    axes: [
      {
        stroke: ink,
        font,
        size: 32,
        space: 74,
        grid: { show: false },
        ticks: { stroke: line, size: 4 },
        values: (self, splits) => splits.map((at) => axisTime(at * 1_000, spanOf(self))),
      },
      {
        stroke: ink,
        font,
        size: 58,
        space: 34,
        grid: {
          stroke: line,
          width: 1,
          ...(scale === 'log' ? { filter: (_self: uPlot, splits: number[]) => splits.map(powerOfTen) } : {}),
        },
        ticks: { show: false },
        ...(scale === 'log' ? {} : { incrs: counted ? NICE_STEPS.filter((step) => step >= 1) : NICE_STEPS }),
        values: (_self, splits) => splits.map((value) => (value === null ? '' : format(value))),
      },
    ],
    series: [{}, ...lines.map((entry) => seriesOf(entry, colour(entry.colour)))],
    hooks: {
      setCursor: [(self) => onIndex(self.cursor.idx ?? null)],
      setSelect: [
        (self) => {
          const { left, width: wide } = self.select
          if (wide < MIN_DRAG_PX) return
          self.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false)
          onZoom(self.posToVal(left, 'x') * 1_000, self.posToVal(left + wide, 'x') * 1_000)
        },
      ],
    },
  }
}

function powerOfTen(value: number): number | null {
  return Math.abs(Math.log10(value) - Math.round(Math.log10(value))) < 0.01 ? value : null
}

const NICE_STEPS = [0.1, 0.2, 0.5, 1, 2, 5].concat(
  [1, 2, 3, 4, 5, 6].flatMap((power) => [1, 2, 5].map((digit) => digit * 10 ** power)),
)

/** Whole powers of ten around the values, a second at least. */
function logRange(_self: uPlot, min: number | null, max: number | null): [number, number] {
  const low = min === null || !(min > 0) ? 0.1 : min
  const high = max === null || !(max > 0) ? 1 : max
  return [10 ** Math.floor(Math.log10(low)), 10 ** Math.max(Math.ceil(Math.log10(high)), 0)]
}

function seriesOf({ label, shape }: PlotLine, stroke: string): uPlot.Series {
  const base: uPlot.Series = { label, stroke, width: 1.75, points: { show: false } }
  switch (shape) {
    case 'line':
      return { ...base, paths: uPlot.paths.stepped!({ align: 1 }) }
    case 'area':
      return { ...base, fill: faint(stroke), paths: uPlot.paths.stepped!({ align: 1 }) }
    case 'bars':
      return { ...base, width: 0, fill: stroke, paths: uPlot.paths.bars!({ size: [0.7, 24], align: 1 }) }
    case 'points':
      // Do not interpolate over gaps.
      return { ...base, points: { show: true, size: 5, fill: stroke } }
  }
}

function faint(colour: string): string {
  return `color-mix(in srgb, ${colour} 18%, transparent)`
}

function spanOf(self: uPlot): number {
  const { min, max } = self.scales['x']!
  return ((max ?? 0) - (min ?? 0)) * 1_000
}

function axisTime(at: number, span: number): string {
  if (span <= 2 * DAY) return time(at)
  return new Date(at).toLocaleDateString('en-GB', { day: 'numeric', month: 'short' })
}

export interface PlotLine {
  readonly label: string
  /** The name of a colour in the style sheet. */
  readonly colour: string
  readonly shape: 'line' | 'area' | 'bars' | 'points'
  readonly values: SeriesValues
}
