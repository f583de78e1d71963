import { useState } from 'preact/hooks'
import type { QueueItem } from '../../../src/http/wire-reports.ts'
import { ApiError } from '../api.ts'
import { readText } from './board-api.ts'
import { Confirmed } from './confirmed.tsx'
import { capital, duration, moment } from './words.ts'

interface Props {
  readonly entry: QueueItem
  readonly now: number
  readonly onRetry: () => void
  readonly onDrop: () => void
}

const STATE_WORDS: Readonly<Partial<Record<QueueItem['state'], string>>> = {
  received: 'queued',
  answering: 'being answered',
  held: 'held',
  parked: 'parked',
}

/** Why a message is held; a parked one has its own sentence. */
const REASONS: Readonly<Record<string, string>> = {
  expired: 'The sign-in has expired.',
  revoked: 'The sign-in was revoked.',
  'lost-in-rotation': 'The sign-in was lost during a refresh.',
  absent: 'Nobody has signed in yet.',
  unrenewable: 'The token has expired and cannot be renewed.',
  endpoint: 'The token endpoint rejects the refresh.',
  'rate-limited': 'Refreshing the sign-in is rate-limited.',
  network: "Claude can't be reached over the network.",
  scope: 'The sign-in lacks a permission.',
  policy: 'Anthropic rejects this kind of sign-in.',
  billing: 'Anthropic has rejected the account for a billing reason.',
  account: 'Anthropic has suspended the account.',
  'usage-limited': 'The usage limit is reached.',
  budget: 'The budget is reached.',
  'provider-unavailable': 'Claude is not responding.',
}

/** One waiting message. Its text is loaded only on request. */
export function QueueRow({ entry, now, onRetry, onDrop }: Props) {
  const { id, conversation, state, reason, at, input } = entry
  const [text, setText] = useState<string | null>(null)
  const [channel = '', ...rest] = conversation.split(':')
  const place = rest.join(':')
  const show = (): void => {
    readText(id).then(setText, (error: unknown) =>
      setText(error instanceof ApiError ? error.message : 'The gateway is not responding right now.'),
    )
  }
  return (
    <li class="panel queue-row">
      <div class="queue-head">
        <span class={state === 'parked' || state === 'held' ? 'tag bad' : 'tag'}>
          {STATE_WORDS[state] ?? state}
        </span>
        <h2>
          {capital(channel)} {place !== '' && <code title={place}>{place}</code>}
        </h2>
        <span class="queue-when">
          <time dateTime={at}>{moment(at, now)}</time>, {duration(now - Date.parse(at))} ago
        </span>
      </div>
      {reason !== null && <p class="queue-reason">{REASONS[reason] ?? reason}</p>}
      {text !== null && <blockquote class="queue-text">{text === '' ? '(no text)' : text}</blockquote>}
      <div class="queue-acts">
        {input === undefined && (
          <button type="button" class="plain" onClick={() => (text === null ? show() : setText(null))}>
            {text === null ? 'Show message' : 'Hide message'}
          </button>
        )}
        {(state === 'parked' || state === 'held') && (
          <button type="button" class="plain" onClick={onRetry}>
            Try again
          </button>
        )}
        <Confirmed label="Drop" question="Drop this message? It will not be answered." onYes={onDrop} />
      </div>
    </li>
  )
}
