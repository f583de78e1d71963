import type { TimelineReport } from '../../../src/http/wire-reports.ts'
import { useValue } from '../observable.ts'
import type { BoardState } from './board-state.ts'
import { Scale, ticks, tokenBars } from './strip-layout.ts'
import { useWidth } from './use-width.ts'
import { capital, count, day, DAY, duration, exactTime, moment, time } from './words.ts'

/** The share of the strip after now. */
const AHEAD = 0.3
const LISTED = 40
const HEIGHT = 104
/** From top to bottom, with outages in the background: tokens, marks, times. */
const TOKENS_Y = 26
const TOKENS_HEIGHT = 26
const MARKS_Y = 60
const AXIS_Y = 82

/** The credential's history: tokens, refreshes, rejections, outages, and the sign-in's expiry. */
export function LifeStrip({ board, now }: { board: BoardState; now: number }) {
  const timeline = useValue(board.timeline)
  const range = useValue(board.range)
  const { ref, width } = useWidth<HTMLDivElement>()
  const to = range.to ?? now + range.lengthMs * AHEAD
  const from = range.to === null ? now - range.lengthMs : range.to - range.lengthMs
  return (
    <section class="panel strip" aria-labelledby="strip-title">
      <h2 id="strip-title">Sign-in history</h2>
      <div ref={ref} class="strip-room">
        {timeline && width > 0 && (
          <Drawing timeline={timeline} scale={new Scale(from, to, width)} now={now} />
        )}
      </div>
      <ul class="legend" aria-hidden="true">
        <li class="is-token">token</li>
        <li class="is-refresh">refresh</li>
        <li class="is-rejection">rejected, or refresh failed</li>
        <li class="is-outage">no usable sign-in</li>
      </ul>
      {timeline && <InWords timeline={timeline} now={now} />}
    </section>
  )
}

function Drawing({ timeline, scale, now }: { timeline: TimelineReport; scale: Scale; now: number }) {
  const { width } = scale
  const end = timeline.loginExpiresAt === null ? null : Date.parse(timeline.loginExpiresAt)
  const outages = timeline.outages
    .map(({ from, to }) => ({
      from,
      x: scale.x(Date.parse(from)),
      end: scale.x(to === null ? now : Date.parse(to)),
    }))
    .filter(({ x, end: over }) => x < width && over > 0)
    .map(({ from, x, end: over }) => {
      const begin = Math.max(0, x)
      return { from, x: begin, width: Math.max(2, Math.min(width, over) - begin) }
    })
  const good = ticks(
    timeline.refreshes
      .filter((refresh) => refresh.good)
      .map(({ at }) => ({ at, label: `refreshed ${exactTime(at)}` })),
    scale,
  )
  const bad = ticks(
    [
      ...timeline.refreshes
        .filter((refresh) => !refresh.good)
        .map(({ at }) => ({ at, label: 'refresh failed' })),
      ...timeline.rejections.map(({ at }) => ({ at, label: 'rejected' })),
    ],
    scale,
  )
  const nowX = scale.x(now)
  const broken = timeline.outages.some(({ to }) => to === null)
  return (
    <svg
      class="strip-drawing"
      role="img"
      aria-label={summary(timeline, now)}
      viewBox={`0 0 ${width} ${HEIGHT}`}
      width={width}
      height={HEIGHT}
    >
      {outages.map((outage) => (
        <rect
          key={outage.from}
          class="outage"
          x={outage.x}
          y={16}
          width={outage.width}
          height={AXIS_Y - 16}
        />
      ))}
      <line class="axis" x1={0} x2={width} y1={AXIS_Y} y2={AXIS_Y} />
      {tokenBars(timeline.tokens, scale, now, !broken).map((bar) => (
        <rect
          key={bar.x}
          class={bar.ahead ? 'token ahead' : 'token'}
          x={bar.x}
          y={TOKENS_Y}
          width={Math.max(1, bar.width - 1)}
          height={TOKENS_HEIGHT}
          rx={Math.min(4, bar.width / 3)}
        >
          <title>{bar.label}</title>
        </rect>
      ))}
      {good.map(({ x, label }) => (
        <circle key={x} class="refresh" cx={x} cy={MARKS_Y + 6} r={3}>
          <title>{label}</title>
        </circle>
      ))}
      {bad.map(({ x, label }) => (
        <path key={x} class="rejection" d={`M${x - 4} ${MARKS_Y + 2}l8 8m0-8l-8 8`}>
          <title>{label}</title>
        </path>
      ))}
      {scale.marks().map(({ at, x }) => (
        <g key={at}>
          <line class="axis" x1={x} x2={x} y1={AXIS_Y} y2={AXIS_Y + 4} />
          <text x={x} y={AXIS_Y + 17} text-anchor="middle">
            {scale.to - scale.from > 2 * DAY ? shortDay(at) : time(at)}
          </text>
        </g>
      ))}
      {nowX >= 0 && nowX <= width && (
        <g>
          <line class="now" x1={nowX} x2={nowX} y1={16} y2={AXIS_Y} />
          <text class="now-word" x={nowX} y={11} text-anchor="middle">
            now
          </text>
        </g>
      )}
      {end !== null && !broken && <End scale={scale} end={end} nowX={nowX} />}
    </svg>
  )
}

/** The sign-in's expiry: a flag, or an arrow towards it. */
function End({ scale, end, nowX }: { scale: Scale; end: number; nowX: number }) {
  const x = scale.x(end)
  if (x < 0) return null
  const inside = x <= scale.width
  const words = `sign-in expires ${day(end)}`
  const left = inside ? x : scale.width
  // Avoid overlapping the word "now".
  if (left - nowX < 150) return inside ? <line class="end" x1={x} x2={x} y1={16} y2={AXIS_Y} /> : null
  return (
    <g>
      {inside && <line class="end" x1={x} x2={x} y1={16} y2={AXIS_Y} />}
      <text class="end-word" x={left - 2} y={11} text-anchor="end">
        {inside ? words : `${words} →`}
      </text>
    </g>
  )
}

function shortDay(at: number): string {
  return new Date(at).toLocaleDateString('en-GB', { day: 'numeric', month: 'short' })
}

/** A description for screen readers. */
function summary(timeline: TimelineReport, now: number): string {
  const good = timeline.refreshes.filter((refresh) => refresh.good).length
  const rejected = timeline.rejections.reduce((sum, rejection) => sum + rejection.count, 0)
  const end = timeline.loginExpiresAt
  return [
    `${capital(count(timeline.tokens.length, 'token'))}, ${count(good, 'refresh', 'refreshes')}, ${count(rejected, 'rejection')} and ${count(timeline.outages.length, 'outage')}`,
    timeline.since === null ? '' : ` since ${moment(timeline.since, now)}`,
    end === null ? '.' : `. The sign-in expires on ${day(end)}.`,
  ].join('')
}

/** The same as a list, newest first. */
function InWords({ timeline, now }: { timeline: TimelineReport; now: number }) {
  const entries = [
    ...timeline.tokens.map(({ from, fingerprint }) => ({
      at: from,
      text: `Started using token ${fingerprint}`,
    })),
    ...timeline.refreshes.map(({ at, good, outcome }) => ({
      at,
      text: good ? 'Refreshed' : `A refresh failed (${outcome})`,
    })),
    ...timeline.rejections.map(({ at, count: times }) => ({
      at,
      text: `Claude rejected ${count(times, 'request')}`,
    })),
    ...timeline.outages.flatMap(({ from, to, state }) => [
      { at: from, text: `Lost the usable sign-in (${state})` },
      ...(to === null
        ? []
        : [{ at: to, text: `Usable sign-in again after ${duration(Date.parse(to) - Date.parse(from))}` }]),
    ]),
    ...timeline.starts.map((at) => ({ at, text: 'The gateway started' })),
  ]
    .sort((a, b) => (a.at < b.at ? 1 : -1))
    .slice(0, LISTED)
  return (
    <details class="in-words">
      <summary>As a list</summary>
      <ol>
        {entries.map(({ at, text }, index) => (
          <li key={`${at}${index}`}>
            <time dateTime={at}>
              {moment(at, now).replace(time(at), '')}
              {exactTime(at)}
            </time>{' '}
            {text}
          </li>
        ))}
      </ol>
    </details>
  )
}
