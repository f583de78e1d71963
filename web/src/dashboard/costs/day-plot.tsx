import { useState } from 'preact/hooks'
import { useWidth } from '../use-width.ts'
import { axisSteps, slots, stack } from './day-plot-layout.ts'

const HEIGHT = 168
const TOP = 10
/** The dates are written below it. */
const BASE = HEIGHT - 24
const RIGHT = 6
/** What a character of the axis takes, at most. */
const CHARACTER_PX = 7.6

export interface Layer {
  readonly label: string
  /** The name of its colour, as in the legend. */
  readonly colour: string
  /** One value a day; null = unknown. */
  readonly values: ReadonlyArray<number | null>
  /** What the legend says of all days. */
  readonly whole: string
}

interface Props {
  readonly title: string
  readonly days: readonly string[]
  /** From the bottom upwards. */
  readonly layers: readonly Layer[]
  readonly format: (value: number) => string
  /** What a day without a value is called. */
  readonly missing: string
  /** Days with a part that is not known, and not in the bar. */
  readonly marked?: readonly boolean[]
  /** For the axis, where there is less room; left out: as `format`. */
  readonly axis?: (value: number) => string
  /** Where the axis ends; left out: by the values. */
  readonly top?: number
  /** The day that the reader points at, in all plots. */
  readonly index: number | null
  readonly onIndex: (index: number | null) => void
}

/** Stacked bars, one a day: the pointer or the arrow keys choose a day, whose values the legend shows. */
export function DayPlot(props: Props) {
  const { title, days, layers, format, missing, marked = [], index, onIndex } = props
  const { ref, width } = useWidth<HTMLDivElement>()
  const [announced, setAnnounced] = useState('')
  const worded = (values: Layer['values'], day: number): string => {
    const value = values[day] ?? null
    return value === null ? missing : `${marked[day] ? '≥ ' : ''}${format(value)}`
  }
  const onKeyDown = (event: KeyboardEvent): void => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key]
    if (step === undefined || days.length === 0) return
    event.preventDefault()
    const next = Math.max(0, Math.min(days.length - 1, (index ?? days.length) + step))
    onIndex(next)
    setAnnounced(
      `${dateOf(days[next]!)}: ${layers.map(({ label, values }) => `${label} ${worded(values, next)}`).join(', ')}`,
    )
  }
  return (
    <figure class="panel plot">
      <figcaption>
        <h2>{title}</h2>
        <span class="plot-when" aria-hidden="true">
          {index === null ? '' : dateOf(days[index]!)}
        </span>
      </figcaption>
      <div
        ref={ref}
        class="plot-room"
        role="img"
        tabIndex={0}
        aria-label={`${title}. ${layers.map(({ label, whole }) => `${label}: ${whole}.`).join(' ')} Arrow keys read the days.`}
        onKeyDown={onKeyDown}
        onBlur={() => onIndex(null)}
      >
        {width > 0 && <Drawing {...props} width={width} />}
      </div>
      <ul class="legend">
        {layers.map(({ label, colour, values, whole }) => (
          <li key={label} class={`is-${colour}`}>
            {label} <b>{index === null ? whole : worded(values, index)}</b>
          </li>
        ))}
      </ul>
      <p class="off-screen" aria-live="polite">
        {announced}
      </p>
    </figure>
  )
}

function Drawing({
  days,
  layers,
  format,
  axis = format,
  marked = [],
  top,
  index,
  onIndex,
  width,
}: Props & { readonly width: number }) {
  const bars = days.map((_, day) => layers.map(({ values }) => values[day] ?? null))
  const highest = Math.max(0, ...bars.map(barHeight))
  const steps = axisSteps(top ?? highest)
  const labels = steps.map(axis)
  const left = Math.ceil(Math.max(...labels.map((label) => label.length)) * CHARACTER_PX) + 8
  const places = slots(days.length, left, width - RIGHT)
  const y = (value: number): number => BASE - (value / steps.at(-1)!) * (BASE - TOP)
  const point = (event: PointerEvent): void => {
    const { left: edge } = (event.currentTarget as SVGElement).getBoundingClientRect()
    const at = places.findLastIndex(({ x }) => event.clientX - edge >= x)
    onIndex(at < 0 ? null : at)
  }
  return (
    <svg
      class="day-plot"
      viewBox={`0 0 ${width} ${HEIGHT}`}
      width={width}
      height={HEIGHT}
      onPointerDown={point}
      onPointerMove={point}
      onPointerLeave={() => onIndex(null)}
    >
      {index !== null && places[index] && (
        <rect class="chosen" x={places[index].x} y={TOP} width={places[index].width} height={BASE - TOP} />
      )}
      {steps.map((step, line) => (
        <g key={step}>
          <line class={line === 0 ? 'axis' : 'grid'} x1={left} x2={width - RIGHT} y1={y(step)} y2={y(step)} />
          <text x={left - 6} y={y(step) + 4} text-anchor="end">
            {labels[line]}
          </text>
        </g>
      ))}
      {places.map((place, day) => (
        <g key={days[day]}>
          {stack(bars[day]!).map(({ layer, from, value }) => (
            <rect
              key={layer}
              class={`is-${layers[layer]!.colour}`}
              x={place.barX}
              y={y(from + value)}
              width={place.barWidth}
              height={Math.max(0.5, y(from) - y(from + value))}
            />
          ))}
          {marked[day] && (
            <text
              class="missing"
              x={place.x + place.width / 2}
              y={y(barHeight(bars[day]!)) - 4}
              text-anchor="middle"
            >
              ?
            </text>
          )}
          {place.dated && (
            <text
              x={Math.min(place.x + place.width / 2, width - DATE_HALF_PX)}
              y={BASE + 17}
              text-anchor="middle"
            >
              {dateOf(days[day]!)}
            </text>
          )}
        </g>
      ))}
    </svg>
  )
}

function barHeight(values: ReadonlyArray<number | null>): number {
  return values.reduce<number>((sum, value) => sum + (value ?? 0), 0)
}

/** Half of the longest date, `30 Nov`. */
const DATE_HALF_PX = 21

/** `30 Nov`, of a day in UTC. */
export function dateOf(day: string): string {
  return new Date(`${day}T00:00:00Z`).toLocaleDateString('en-GB', {
    day: 'numeric',
    month: 'short',
    timeZone: 'UTC',
  })
}
