import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import uPlot from 'uplot'
import type { SeriesValues } from '../../../src/http/wire-reports.ts'
import { useValue } from '../observable.ts'
import 'uplot/dist/uPlot.min.css'
import { isDark, theme } from '../theme.ts'
import { type PlotLine, optionsOf } from './plot-options.ts'
import { useWidth } from './use-width.ts'
import { moment } from './words.ts'

export interface PlotProps {
  readonly title: string
  readonly scale: 'linear' | 'log'
  readonly format: (value: number) => string
  /** For the axis, where there is less room; left out: as `format`. */
  readonly axis?: (value: number) => string
  /** Whole numbers only. */
  readonly counted?: boolean
  /** Seconds since the epoch. */
  readonly times: readonly number[]
  readonly lines: readonly PlotLine[]
  /** The reader selected a range; epoch milliseconds. */
  readonly onZoom: (from: number, to: number) => void
}

/** One plot: the pointer or the arrow keys move the cursor; the values are shown below. */
export function Plot({
  title,
  scale,
  format,
  axis = format,
  counted = false,
  times,
  lines,
  onZoom,
}: PlotProps) {
  useValue(theme)
  const dark = isDark()
  const { ref, width } = useWidth<HTMLDivElement>()
  const plot = useRef<uPlot | null>(null)
  const [index, setIndex] = useState<number | null>(null)
  const [announced, setAnnounced] = useState('')
  const zoom = useRef(onZoom)
  zoom.current = onZoom
  const data = useMemo(
    () => [times, ...lines.map((line) => cleaned(line.values, times.length, scale))] as uPlot.AlignedData,
    [times, lines, scale],
  )

  useEffect(() => {
    if (width === 0) return
    const made = new uPlot(
      optionsOf({
        width,
        scale,
        format: axis,
        counted,
        lines,
        onIndex: setIndex,
        onZoom: (from, to) => zoom.current(from, to),
      }),
      data,
      ref.current!,
    )
    plot.current = made
    return () => {
      plot.current = null
      made.destroy()
    }
  }, [width, scale, dark])
  useEffect(() => plot.current?.setData(data), [data])

  const read = (at: number): string =>
    `${moment(times[at]! * 1_000)}: ${valuesAt(lines, at, format).join(', ')}`
  const onKeyDown = (event: KeyboardEvent): void => {
    const made = plot.current
    if (!made || times.length === 0) return
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key]
    if (step !== undefined) {
      event.preventDefault()
      const next = Math.max(0, Math.min(times.length - 1, (index ?? times.length) + step))
      made.setCursor({ left: made.valToPos(times[next]!, 'x'), top: 0 })
      setIndex(next)
      setAnnounced(read(next))
    }
    if (event.key === '+' || event.key === '-') {
      const from = times[0]! * 1_000
      const length = times.at(-1)! * 1_000 - from
      const middle = index === null ? from + length : times[index]! * 1_000
      const half = event.key === '+' ? length / 4 : length
      onZoom(middle - half, middle + half)
    }
  }

  return (
    <figure class="panel plot">
      <figcaption>
        <h2>{title}</h2>
        <span class="plot-when" aria-hidden="true">
          {index === null || times[index] === undefined ? '' : moment(times[index] * 1_000)}
        </span>
      </figcaption>
      <div
        ref={ref}
        class="plot-room"
        role="img"
        tabIndex={0}
        aria-label={`${title}. ${summary(lines, format)} Arrow keys read the values, plus and minus change the stretch.`}
        onKeyDown={onKeyDown}
        onBlur={() => setIndex(null)}
      />
      <ul class="legend">
        {lines.map((line) => (
          <li key={line.label} class={`is-${line.colour.slice(2)}`}>
            {line.label} <b>{legendValue(line, index, format)}</b>
          </li>
        ))}
      </ul>
      <p class="off-screen" aria-live="polite">
        {announced}
      </p>
    </figure>
  )
}

/** As long as the times, and positive only on a log axis. */
function cleaned(values: SeriesValues, length: number, scale: 'linear' | 'log'): Array<number | null> {
  return Array.from({ length }, (_, index) => {
    const value = values[index] ?? null
    return scale === 'log' && value !== null && value <= 0 ? null : value
  })
}

function legendValue({ values }: PlotLine, index: number | null, format: (value: number) => string): string {
  if (index !== null) {
    const value = values[index] ?? null
    return value === null ? '–' : format(value)
  }
  return ''
}

function valuesAt(lines: readonly PlotLine[], index: number, format: (value: number) => string): string[] {
  return lines.map(({ label, values }) => {
    const value = values[index] ?? null
    return `${label} ${value === null ? 'none' : format(value)}`
  })
}

/** A summary for screen readers. */
function summary(lines: readonly PlotLine[], format: (value: number) => string): string {
  return lines
    .map(({ label, values }) => {
      const known = values.filter((value): value is number => value !== null)
      if (known.length === 0) return `${label}: nothing yet.`
      return `${label}: at most ${format(Math.max(...known))}, at last ${format(known.at(-1)!)}.`
    })
    .join(' ')
}
