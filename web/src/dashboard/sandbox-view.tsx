import { useState } from 'preact/hooks'
import type { SandboxAction, SandboxEvent, SandboxState } from '../../../src/http/wire.ts'
import { ApiError } from '../api.ts'
import { useValue } from '../observable.ts'
import { actOnSandbox } from './board-api.ts'
import type { BoardProps } from './board-props.ts'
import { eventWords } from './event-words.ts'
import { Frame } from './frame.tsx'
import { duration, exactTime, MINUTE, SECOND, useNow } from './words.ts'

interface Act {
  readonly label: string
  readonly what: string
  readonly action: SandboxAction
  readonly body?: object
  /** What to watch for. */
  readonly done: string
}

const fault = (target: string, name: string, more: object = {}): { action: 'fault'; body: object } => ({
  action: 'fault',
  body: { target, fault: name, ...more },
})

const GROUPS: ReadonlyArray<{ readonly title: string; readonly acts: readonly Act[] }> = [
  {
    title: 'The token',
    acts: [
      {
        label: 'Expire',
        what: 'The access token expires now; refreshing works.',
        action: 'expire',
        done: 'The token has expired. The gateway refreshes it with the next message, without a hitch.',
      },
      {
        label: 'Revoke the sign-in',
        what: 'Token and sign-in are revoked: somebody must sign in.',
        action: 'revoke',
        done: 'The sign-in is revoked. Send a message: it is held, and answered once you sign in.',
      },
    ],
  },
  {
    title: 'Token endpoint',
    acts: [
      {
        label: 'Break for a minute',
        what: 'Every refresh is answered with 500.',
        ...fault('token-endpoint', '500', { forMs: MINUTE }),
        done: 'Refreshing fails for a minute; the gateway retries with growing delays.',
      },
      {
        label: 'Never answer',
        what: 'Refreshes hang for a minute.',
        ...fault('token-endpoint', 'timeout', { forMs: MINUTE }),
        done: 'Refreshes get no response for a minute.',
      },
    ],
  },
  {
    title: 'Claude itself',
    acts: [
      {
        label: 'Throttle',
        what: 'Too many requests, for 20 s.',
        ...fault('messages', 'rate-limit', { forMs: 20 * SECOND, retryAfter: 5 }),
        done: 'Claude is rate-limiting for 20 s. People get no notice of such short waits.',
      },
      {
        label: 'Usage limit',
        what: 'Reached; resets in a minute.',
        ...fault('messages', 'usage-limit', { resetInMs: MINUTE }),
        done: 'The usage limit is reached for a minute. People are told when it resets.',
      },
      {
        label: 'Overload',
        what: 'Answers 529 for a minute.',
        ...fault('messages', 'overloaded-529', { forMs: MINUTE }),
        done: 'Claude is overloaded for a minute.',
      },
      {
        label: 'Cut answers short',
        what: 'The next answer stops half-way.',
        ...fault('messages', 'reset-mid-stream', { times: 1, afterDeltas: 6 }),
        done: 'The next answer stops after a few words, and is then completed in the same message.',
      },
    ],
  },
]

/** Buttons for every fault, next to the log of the simulator. */
export function SandboxView({ state, board, onGo }: BoardProps) {
  const panel = useValue(board.sandbox)
  const events = useValue(board.sandboxEvents)
  const now = useNow(1_000)
  const [said, setSaid] = useState('')
  const act = async ({ action, body, done }: Pick<Act, 'action' | 'body' | 'done'>): Promise<void> => {
    try {
      await actOnSandbox(action, body)
      setSaid(done)
    } catch (error) {
      setSaid(error instanceof ApiError ? error.message : 'The gateway is not responding right now.')
    }
    board.refresh('sandbox')
  }
  return (
    <Frame state={state} board={board} name="sandbox" parts={PARTS}>
      <p class="board-note">
        A simulator of Claude, on this machine only; its tokens last {panel?.tokenLifetimeSeconds ?? 60} s.
        Break something, then{' '}
        <a
          href="/"
          onClick={(event) => {
            event.preventDefault()
            onGo(`/c/${state.thread.value.id}`)
          }}
        >
          write in the chat
        </a>{' '}
        and watch the status bar.
      </p>
      <p class="bench-said" role="status">
        {said}
      </p>
      <div class="bench">
        <div class="bench-acts">
          {GROUPS.map(({ title, acts }) => (
            <section key={title} class="panel" aria-label={title}>
              <h2>{title}</h2>
              <ul>
                {acts.map((entry) => (
                  <li key={entry.label}>
                    <button type="button" class="plain" onClick={() => void act(entry)}>
                      {entry.label}
                    </button>
                    <span>{entry.what}</span>
                  </li>
                ))}
              </ul>
            </section>
          ))}
        </div>
        <div class="bench-seen">
          <Faults panel={panel} now={now} onRepair={() => void act(REPAIR)} />
          <EventLog events={events} />
        </div>
      </div>
    </Frame>
  )
}

const PARTS = ['sandbox'] as const
const REPAIR = {
  action: 'repair',
  done: 'All faults are cleared. A revoked sign-in still needs a new sign-in.',
} as const

interface FaultsProps {
  readonly panel: SandboxState | null
  readonly now: number
  readonly onRepair: () => void
}

function Faults({ panel, now, onRepair }: FaultsProps) {
  // Expired faults are reported only with the next event.
  const faults = (panel?.faults ?? []).filter(({ until }) => until === null || until > now)
  return (
    <section class="panel" aria-label="Active faults">
      <h2>Active faults</h2>
      {faults.length === 0 ? (
        <p>None.</p>
      ) : (
        <ul class="faults">
          {faults.map(({ fault: { target, fault: name }, until }) => (
            <li key={`${target}${name}`}>
              {target === 'messages' ? 'Claude' : 'Token endpoint'}: <code>{name}</code>
              {until !== null && `, for ${duration(until - now)} more`}
            </li>
          ))}
        </ul>
      )}
      <button type="button" class="primary" disabled={faults.length === 0} onClick={onRepair}>
        Clear all faults
      </button>
    </section>
  )
}

function EventLog({ events }: { events: readonly SandboxEvent[] }) {
  return (
    <section class="panel log-panel" aria-labelledby="log-title">
      <h2 id="log-title">Simulator log</h2>
      <ol class="events" tabIndex={0} aria-labelledby="log-title">
        {events.toReversed().map((event) => {
          const { tone, text } = eventWords(event)
          return (
            <li key={event.seq} class={tone}>
              <time dateTime={new Date(event.at).toISOString()}>{exactTime(event.at)}</time> {text}
            </li>
          )
        })}
      </ol>
    </section>
  )
}
