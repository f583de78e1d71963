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
  /** What to look for. */
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
        what: 'The access token ends now; renewing it works.',
        action: 'expire',
        done: 'The token has ended. The next message makes the gateway renew it, and nobody notices.',
      },
      {
        label: 'Revoke the sign-in',
        what: 'Token and sign-in are gone: a person must act.',
        action: 'revoke',
        done: 'The sign-in is gone. Write in the chat: the message is held, and answered after you sign in.',
      },
    ],
  },
  {
    title: 'The address for renewing',
    acts: [
      {
        label: 'Break for a minute',
        what: 'Each request to renew is answered with 500.',
        ...fault('token-endpoint', '500', { forMs: MINUTE }),
        done: 'Renewing fails for a minute; the gateway tries again, more and more patiently.',
      },
      {
        label: 'Never answer',
        what: 'Requests to renew hang for a minute.',
        ...fault('token-endpoint', 'timeout', { forMs: MINUTE }),
        done: 'Whoever renews now waits in vain, for a minute.',
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
        done: 'Claude asks for patience, for 20 s. Short waits are not even mentioned to people.',
      },
      {
        label: 'Usage limit',
        what: 'Reached, and over in a minute.',
        ...fault('messages', 'usage-limit', { resetInMs: MINUTE }),
        done: 'The usage limit is reached, until in a minute. People are told until when.',
      },
      {
        label: 'Overload',
        what: 'Answers 529 for a minute.',
        ...fault('messages', 'overloaded-529', { forMs: MINUTE }),
        done: 'Claude is overloaded for a minute.',
      },
      {
        label: 'Break answers off',
        what: 'The next answer ends in its middle.',
        ...fault('messages', 'reset-mid-stream', { times: 1, afterDeltas: 6 }),
        done: 'The next answer breaks off after some words, and is then completed in the same place.',
      },
    ],
  },
]

/** Everything that can go wrong, on buttons, and beside it what the stand-in sees. */
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
      setSaid(error instanceof ApiError ? error.message : 'The gateway does not answer right now.')
    }
    board.refresh('sandbox')
  }
  return (
    <Frame state={state} board={board} name="sandbox" parts={PARTS}>
      <p class="board-note">
        A stand-in for Claude, on this machine only; its tokens last {panel?.tokenLifetimeSeconds ?? 60} s.
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
        and watch the line on top.
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
  done: 'Everything works again, but for what needs a new sign-in.',
} as const

interface FaultsProps {
  readonly panel: SandboxState | null
  readonly now: number
  readonly onRepair: () => void
}

function Faults({ panel, now, onRepair }: FaultsProps) {
  // What has run out by itself is told only with the next event.
  const faults = (panel?.faults ?? []).filter(({ until }) => until === null || until > now)
  return (
    <section class="panel" aria-label="Broken now">
      <h2>Broken now</h2>
      {faults.length === 0 ? (
        <p>Nothing is broken.</p>
      ) : (
        <ul class="faults">
          {faults.map(({ fault: { target, fault: name }, until }) => (
            <li key={`${target}${name}`}>
              {target === 'messages' ? 'Claude' : 'Renewing'}: <code>{name}</code>
              {until !== null && `, for ${duration(until - now)} more`}
            </li>
          ))}
        </ul>
      )}
      <button type="button" class="primary" disabled={faults.length === 0} onClick={onRepair}>
        Repair everything
      </button>
    </section>
  )
}

function EventLog({ events }: { events: readonly SandboxEvent[] }) {
  return (
    <section class="panel log-panel" aria-labelledby="log-title">
      <h2 id="log-title">What the stand-in sees</h2>
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
