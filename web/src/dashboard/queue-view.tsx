import { useEffect, useRef, useState } from 'preact/hooks'
import type { QueueItem } from '../../../src/http/wire-reports.ts'
import { ApiError } from '../api.ts'
import { useValue } from '../observable.ts'
import { dropMessage, retryAll, retryMessage } from './board-api.ts'
import type { BoardProps } from './board-props.ts'
import { Confirmed } from './confirmed.tsx'
import { Frame } from './frame.tsx'
import { QueueRow } from './queue-row.tsx'
import { count, SECOND, useNow } from './words.ts'

/** How long a drop can be undone; it is sent to the gateway only then. */
const UNDO_MS = 8 * SECOND

type Shown = 'all' | 'held' | 'parked'
const SHOWN: ReadonlyArray<readonly [Shown, string]> = [
  ['all', 'All'],
  ['held', 'Held'],
  ['parked', 'Parked'],
]

/** The queue and its actions. Texts are shown only on request. */
export function QueueView({ state, board }: BoardProps) {
  const queue = useValue(board.queue)
  const now = useNow(1_000)
  const [shown, setShown] = useState<Shown>('all')
  const [said, setSaid] = useState('')
  const drops = useDrops((problem) => {
    setSaid(problem ?? 'Dropped.')
    board.refresh('queue')
  })

  const act = async (work: () => Promise<string>): Promise<void> => {
    try {
      setSaid(await work())
    } catch (error) {
      setSaid(error instanceof ApiError ? error.message : 'The gateway is not responding right now.')
    }
    board.refresh('queue')
  }
  const waiting = (queue ?? []).filter((entry) => !drops.pending.has(entry.id))
  const listed = waiting.filter((entry) => shown === 'all' || entry.state === shown)
  const parked = waiting.filter((entry) => entry.state === 'parked').length
  return (
    <Frame state={state} board={board} name="queue" parts={PARTS}>
      <p class="board-note">{queue === null ? 'Loading…' : summary(waiting)}</p>
      <div class="queue-bar">
        <div class="ranges" role="group" aria-label="Messages shown">
          {SHOWN.map(([name, label]) => (
            <button key={name} type="button" aria-pressed={shown === name} onClick={() => setShown(name)}>
              {label}
            </button>
          ))}
        </div>
        {parked > 0 && (
          <Confirmed
            label="Retry all parked"
            question={`Retry ${count(parked, 'parked message')}?`}
            onYes={() => void act(async () => `Retrying ${count((await retryAll()).retried, 'message')}.`)}
          />
        )}
      </div>
      <ol class="entries">
        {listed.map((entry) => (
          <QueueRow
            key={entry.id}
            entry={entry}
            now={now}
            onRetry={() =>
              void act(async () => {
                await retryMessage(entry.id)
                return 'Retrying the message.'
              })
            }
            onDrop={() => {
              setSaid('')
              drops.begin(entry)
            }}
          />
        ))}
      </ol>
      <div class="toasts" role="status">
        {[...drops.pending].map(([id, until]) => (
          <p key={id} class="toast">
            Dropping in {Math.max(0, Math.ceil((until - now) / SECOND))} s.{' '}
            <button type="button" class="link" onClick={() => drops.undo(id)}>
              Undo
            </button>
          </p>
        ))}
        {said !== '' && <p class="toast">{said}</p>}
      </div>
    </Frame>
  )
}

const PARTS = ['queue'] as const

function summary(entries: readonly QueueItem[]): string {
  if (entries.length === 0) return 'The queue is empty.'
  const of = (state: QueueItem['state']): number => entries.filter((entry) => entry.state === state).length
  const parts = [
    ...(of('held') > 0 ? [`${of('held')} held until Claude answers again`] : []),
    ...(of('parked') > 0 ? [`${of('parked')} parked until you decide`] : []),
    ...(of('received') + of('answering') > 0 ? [`${of('received') + of('answering')} in progress`] : []),
  ]
  return `${parts.join(', ')}. All of them are saved.`
}

/** Drops that can still be undone. Closing the page undoes them, too. */
function useDrops(onDone: (problem: string | null) => void) {
  const [pending, setPending] = useState<ReadonlyMap<string, number>>(new Map())
  const timers = useRef(new Map<string, number>())
  const forget = (id: string): void => {
    clearTimeout(timers.current.get(id))
    timers.current.delete(id)
    setPending((before) => new Map([...before].filter(([other]) => other !== id)))
  }
  useEffect(
    () => () => {
      for (const timer of timers.current.values()) clearTimeout(timer)
    },
    [],
  )
  return {
    pending,
    begin(entry: QueueItem): void {
      setPending((before) => new Map(before).set(entry.id, Date.now() + UNDO_MS))
      const timer = setTimeout(() => {
        dropMessage(entry.id)
          .then(
            () => onDone(null),
            (error: unknown) =>
              onDone(
                error instanceof ApiError
                  ? error.message
                  : 'The gateway is not responding; the message was not dropped.',
              ),
          )
          .finally(() => forget(entry.id))
      }, UNDO_MS) as unknown as number
      timers.current.set(entry.id, timer)
    },
    undo: forget,
  }
}
