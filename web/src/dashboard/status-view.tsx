import type { StatusReport } from '../../../src/http/wire-reports.ts'
import { NextTry } from '../next-try.tsx'
import { useValue } from '../observable.ts'
import type { BoardProps } from './board-props.ts'
import { Frame } from './frame.tsx'
import { headline } from './headline.ts'
import { LifeStrip } from './life-strip.tsx'
import { Plots } from './plots.tsx'
import { RangePicker } from './range-picker.tsx'
import { capital, count, duration, moment, useNow } from './words.ts'

/** The overall state, the action that helps, and the history. */
export function StatusView({ state, board, onGo }: BoardProps) {
  const line = useValue(state.status)
  const lost = useValue(state.connection) === 'lost'
  const report = useValue(board.status)
  const timeline = useValue(board.timeline)
  const now = useNow(1_000)
  const shown = headline(line, report, timeline, now)
  const follow = (event: MouseEvent, path: string): void => {
    event.preventDefault()
    onGo(path)
  }
  return (
    <Frame state={state} board={board} name="status" parts={PARTS}>
      <section class={`hero ${lost ? 'bad' : shown.tone}`} aria-label="Overall status">
        <p class="hero-sentence">
          {lost ? 'The gateway is not responding. Showing the last known data.' : shown.sentence}{' '}
          {!lost && <NextTry line={line} />}
        </p>
        {shown.detail && !lost && <p class="hero-detail">{shown.detail}</p>}
        {shown.action && !lost && (
          <a
            class="primary hero-action"
            href={shown.action.path}
            onClick={(event) => follow(event, shown.action!.path)}
          >
            {shown.action.label}
          </a>
        )}
      </section>
      {report?.warnings.map((warning) => (
        <p key={warning} class="warning">
          {warning}
        </p>
      ))}
      <RangePicker board={board} />
      <LifeStrip board={board} now={now} />
      <Plots board={board} />
      {report && <Cards report={report} now={now} />}
    </Frame>
  )
}

const PARTS = ['status', 'timeline', 'figures'] as const

function Cards({ report, now }: { report: StatusReport; now: number }) {
  const { queue, channels, alerts, gateway } = report
  return (
    <div class="cards">
      <section class="card">
        <h2>Channels</h2>
        <ul>
          {channels.map(({ channel, state, account, problem, since }) => (
            <li key={channel}>
              <Mark good={state === 'connected' ? true : state === 'starting' ? null : false} />
              <span class="card-name">{capital(channel)}</span>
              <span class="card-what">
                {problem ?? CHANNEL_WORDS[state]}
                {account !== null && state === 'connected' ? ` as ${account}` : ''} since {moment(since, now)}
              </span>
            </li>
          ))}
        </ul>
      </section>
      <section class="card">
        <h2>Queue</h2>
        <ul>
          <Row good={null} name="In progress" what={count(queue.received + queue.answering, 'message')} />
          <Row
            good={queue.held === 0}
            name="Held"
            what={`${count(queue.held, 'message')}, until Claude answers`}
          />
          <Row
            good={queue.parked === 0}
            name="Parked"
            what={`${count(queue.parked, 'message')}, until you decide`}
          />
          {queue.oldestAt !== null && (
            <Row
              good={null}
              name="Oldest"
              what={`waiting for ${duration(now - Date.parse(queue.oldestAt))}`}
            />
          )}
        </ul>
      </section>
      <section class="card">
        <h2>Alert routes</h2>
        {alerts.length === 0 ? (
          <p class="card-none">No alerts are set up: you won't hear about outages.</p>
        ) : (
          <ul>
            {alerts.map(({ route, working, problem, at }) => (
              <Row
                key={route}
                good={working}
                name={route}
                what={
                  working === null
                    ? 'not used yet'
                    : working
                      ? `last alert arrived${at === null ? '' : ` ${moment(at, now)}`}`
                      : (problem ?? 'failing')
                }
              />
            ))}
          </ul>
        )}
      </section>
      <p class="board-foot">
        Hermes Gateway {gateway.version}
        {gateway.startedAt !== null && `, running for ${duration(now - Date.parse(gateway.startedAt))}`}
      </p>
    </div>
  )
}

const CHANNEL_WORDS = {
  starting: 'connecting',
  connected: 'connected',
  retrying: 'reconnecting',
  failed: 'failing',
  stopped: 'stopped',
  standby: 'active on another gateway',
} as const

function Row({ good, name, what }: { good: boolean | null; name: string; what: string }) {
  return (
    <li>
      <Mark good={good} />
      <span class="card-name">{name}</span>
      <span class="card-what">{what.replace(/^0 /, 'no ')}</span>
    </li>
  )
}

/** Decorative: the text next to it has the meaning. */
function Mark({ good }: { good: boolean | null }) {
  return (
    <span class={good === null ? 'mark-dot' : good ? 'mark-dot good' : 'mark-dot bad'} aria-hidden="true" />
  )
}
