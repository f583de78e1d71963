import type { IncidentItem } from '../../../src/http/wire-reports.ts'
import { useValue } from '../observable.ts'
import type { BoardProps } from './board-props.ts'
import { Frame } from './frame.tsx'
import { count, day, duration, exactTime, moment, useNow } from './words.ts'

/** Outages, the newest first, each with its timeline. */
export function IncidentsView({ state, board, view, onGo }: BoardProps) {
  const incidents = useValue(board.incidents)
  const now = useNow(1_000)
  const asked = view.name === 'incidents' ? view.incident : null
  return (
    <Frame state={state} board={board} name="incidents" parts={PARTS}>
      {incidents === null ? (
        <p class="board-note">Loading…</p>
      ) : incidents.length === 0 ? (
        <p class="board-note">No outages so far. Each one will be listed here with its timeline.</p>
      ) : (
        <ol class="entries">
          {incidents.map((incident, index) => (
            <li key={incident.id}>
              <Entry
                incident={incident}
                now={now}
                open={asked === null ? index === 0 : asked === incident.id}
                onOpen={() => onGo(`/incidents/${incident.id}`)}
              />
            </li>
          ))}
        </ol>
      )}
    </Frame>
  )
}

const PARTS = ['incidents'] as const

interface EntryProps {
  readonly incident: IncidentItem
  readonly now: number
  readonly open: boolean
  readonly onOpen: () => void
}

function Entry({ incident, now, open, onOpen }: EntryProps) {
  const { openedAt, closedAt, counts, events } = incident
  const opened = Date.parse(openedAt)
  const lasted = (closedAt === null ? now : Date.parse(closedAt)) - opened
  const title = events.find((event) => event.kind === 'opened')?.text ?? incident.status
  return (
    <details
      class={closedAt === null ? 'panel incident going-on' : 'panel incident'}
      open={open}
      onToggle={(event) => (event.currentTarget as HTMLDetailsElement).open && !open && onOpen()}
    >
      <summary>
        <h2>{title}</h2>
        <span class="incident-facts">
          <span class={closedAt === null ? 'tag bad' : 'tag'}>{closedAt === null ? 'open' : 'closed'}</span>
          <time dateTime={openedAt}>{moment(openedAt, now)}</time>
          <span>
            {closedAt === null ? 'for' : 'lasted'} {duration(lasted)}
          </span>
          <span>{outcome(counts)}</span>
        </span>
      </summary>
      <ol class="story">
        {events.map((event, index) => (
          <li key={`${event.at}${index}`} class={`is-${event.kind}`}>
            <time dateTime={event.at}>
              {exactTime(event.at)}
              {index > 0 && <span class="story-after">+{duration(Date.parse(event.at) - opened)}</span>}
            </time>
            <p>{event.text}</p>
          </li>
        ))}
        {closedAt === null && (
          <li class="is-now">
            <time dateTime={new Date(now).toISOString()}>now</time>
            <p>{counts.held === 0 ? 'No messages held so far.' : `${count(counts.held, 'message')} held.`}</p>
          </li>
        )}
      </ol>
      <p class="small">
        Started {day(openedAt)}, {exactTime(openedAt)} (local time).
      </p>
    </details>
  )
}

/** The outcomes of the held messages. */
function outcome({ held, answered, refused, parked }: IncidentItem['counts']): string {
  if (held === 0 && answered === 0) return 'no messages held'
  const parts = [
    `${held} held`,
    ...(answered > 0 ? [`${answered} answered`] : []),
    ...(refused > 0 ? [`${refused} refused`] : []),
    ...(parked > 0 ? [`${parked} parked`] : []),
  ]
  return parts.join(' · ')
}
