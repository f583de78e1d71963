import { useMemo } from 'preact/hooks'
import type { FiguresReport, SeriesName, SeriesValues } from '../../../src/http/wire-reports.ts'
import { useValue } from '../observable.ts'
import type { BoardState } from './board-state.ts'
import type { PlotLine } from './plot-options.ts'
import { Plot } from './plot.tsx'
import { MINUTE, seconds } from './words.ts'

const whole = (value: number): string => String(Math.round(value))
const rate = (value: number): string => (value >= 10 ? whole(value) : String(Number(value.toFixed(2))))

interface Kind {
  readonly title: string
  readonly unit: 'linear' | 'log'
  readonly format: (value: number) => string
  readonly axis?: (value: number) => string
  readonly counted?: boolean
  readonly lines: ReadonlyArray<
    Omit<PlotLine, 'values'> & {
      readonly of: (figures: FiguresReport) => SeriesValues
    }
  >
}

const perMinute =
  (name: SeriesName) =>
  ({ from, values, stepSeconds }: FiguresReport): SeriesValues =>
    (values[name] ?? []).map((value, step) => {
      // The last step is incomplete: scale by its elapsed time.
      const gone = (Date.now() - Date.parse(from)) / 1_000 - step * stepSeconds
      return value === null ? null : (value / Math.max(60, Math.min(stepSeconds, gone))) * 60
    })
const plain =
  (name: SeriesName) =>
  ({ values }: FiguresReport): SeriesValues =>
    values[name] ?? []

const KINDS: readonly Kind[] = [
  {
    title: 'Messages per minute',
    unit: 'linear',
    format: rate,
    lines: [
      { label: 'accepted', colour: '--ink-soft', shape: 'line', of: perMinute('accepted') },
      { label: 'answered', colour: '--accent', shape: 'area', of: perMinute('answered') },
    ],
  },
  {
    title: 'Time to answer',
    unit: 'log',
    format: seconds,
    axis: (value) =>
      value >= 1_000 ? `${whole(value / 60)} min` : seconds(value).replace(/^1 min 40 s$/, '100 s'),
    lines: [
      { label: 'median', colour: '--accent', shape: 'points', of: plain('time-p50') },
      { label: '99th percentile', colour: '--wait', shape: 'points', of: plain('time-p99') },
    ],
  },
  {
    title: 'Held messages',
    counted: true,
    unit: 'linear',
    format: whole,
    lines: [{ label: 'maximum held', colour: '--bad', shape: 'area', of: plain('held') }],
  },
  {
    title: 'Refreshes and rejections',
    counted: true,
    unit: 'linear',
    format: whole,
    lines: [
      { label: 'refreshes', colour: '--good', shape: 'bars', of: plain('refreshes') },
      { label: 'failed', colour: '--wait', shape: 'bars', of: plain('refresh-failures') },
      { label: 'rejections', colour: '--bad', shape: 'bars', of: plain('rejections') },
    ],
  },
]

/** The gateway's figures over the chosen range. Dragging or the + key zooms all plots at once. */
export function Plots({ board }: { board: BoardState }) {
  const figures = useValue(board.figures)
  const times = useMemo(() => (figures ? timesOf(figures) : []), [figures])
  const plots = useMemo(
    () =>
      KINDS.map((kind) => ({
        ...kind,
        lines: kind.lines.map(({ of, ...line }) => ({ ...line, values: figures ? of(figures) : [] })),
      })),
    [figures],
  )
  const zoom = (from: number, to: number): void => {
    const lengthMs = Math.max(SHORTEST_MS, to - from)
    board.show({ lengthMs, to: Math.min(Date.now(), to) })
  }
  return (
    <div class="plots">
      {plots.map(({ title, unit, lines, ...formats }) => (
        <Plot key={title} title={title} scale={unit} {...formats} times={times} lines={lines} onZoom={zoom} />
      ))}
    </div>
  )
}

/** The figures have a resolution of minutes. */
const SHORTEST_MS = 10 * MINUTE

/** The start times of the steps, in seconds since the epoch. */
function timesOf({ from, stepSeconds, values }: FiguresReport): readonly number[] {
  const steps = Math.max(0, ...Object.values(values).map((row) => row.length))
  const first = Date.parse(from) / 1_000
  return Array.from({ length: steps }, (_, step) => first + step * stepSeconds)
}
