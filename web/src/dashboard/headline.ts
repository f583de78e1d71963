import type { StatusReport, TimelineReport } from '../../../src/http/wire-reports.ts'
import type { StatusLine } from '../../../src/http/wire.ts'
import { count, day, DAY, duration, moment } from './words.ts'

/** The sentence in large type, and the one thing that helps. */
export interface Headline {
  readonly tone: 'good' | 'wait' | 'bad'
  readonly sentence: string
  readonly detail: string | null
  readonly action: { readonly label: string; readonly path: string } | null
}

/** What happens by itself, and what does not. */
const DETAILS: Readonly<Record<string, string>> = {
  'needs-login': 'What people write is saved. As soon as you have signed in, it is answered, oldest first.',
  'not-permitted':
    'What people write is saved. It is tried again once an hour; another account or an API key helps at once.',
  misconfigured:
    'What people write is saved until the configuration is mended. “hermes doctor” names the mistake.',
  degraded:
    'What people write is saved, and answered as soon as the sign-in works again. Nothing has to be done.',
  'usage-limited': 'What people write is saved, and answered when the limit ends.',
  'provider-unavailable': 'What people write is saved, and answered as soon as Claude is back.',
  stalled: 'Nothing is lost. If it does not go on by itself, restart the gateway.',
  store: 'New messages stay on their platforms until there is room again.',
}

const ACTIONS: Readonly<Record<string, Headline['action']>> = {
  'needs-login': { label: 'Sign in', path: '/sign-in' },
  'not-permitted': { label: 'Sign in differently', path: '/sign-in' },
}

/**
 * How things stand, for a lay person. Pure.
 *
 * @param line what the gateway says of itself; null = it does not answer
 */
export function headline(
  line: StatusLine | null,
  report: StatusReport | null,
  timeline: TimelineReport | null,
  now: number,
): Headline {
  if (line === null) return { tone: 'wait', sentence: 'Looking at the gateway …', detail: null, action: null }
  if (!line.ready) {
    const watch = { label: 'Follow the incident', path: '/incidents' }
    return {
      tone: 'bad',
      sentence: line.sentence,
      detail: DETAILS[line.status] ?? null,
      action: ACTIONS[line.status] ?? watch,
    }
  }
  if (!report) return { tone: 'good', sentence: line.sentence, detail: null, action: null }
  const troubled = usableTrouble(report, now)
  if (troubled) return troubled
  const parked = report.queue.parked
  return {
    tone: 'good',
    sentence: `Signed in. ${lifeOf(report, timeline, now)}`,
    detail:
      parked > 0
        ? `${count(parked, 'message').replace('one', 'One')} could not be answered and ${parked === 1 ? 'waits' : 'wait'} for you.`
        : null,
    action:
      parked > 0
        ? { label: 'Look at what is parked', path: '/queue' }
        : line.sandbox
          ? { label: 'Break something', path: '/sandbox' }
          : null,
  }
}

/** It works, and something about it will not go on by itself. */
function usableTrouble({ credential }: StatusReport, now: number): Headline | null {
  if (credential.state !== 'at-risk') return null
  const left = credential.expiresAt === null ? null : Date.parse(credential.expiresAt) - now
  const ends = left === null ? '' : ` It ends in ${duration(left)}.`
  if (credential.reason === 'unrenewable') {
    return {
      tone: 'wait',
      sentence: `Signed in with a token that cannot be renewed.${ends}`,
      detail: 'An own sign-in, or an API key, goes on by itself.',
      action: { label: 'Sign in', path: '/sign-in' },
    }
  }
  return {
    tone: 'wait',
    sentence: `Signed in, but renewing it fails at present.${ends}`,
    detail: credential.nextAttemptAt
      ? `It is tried again at ${moment(credential.nextAttemptAt, now)}.`
      : null,
    action: { label: 'Sign in anew', path: '/sign-in' },
  }
}

function lifeOf({ credential }: StatusReport, timeline: TimelineReport | null, now: number): string {
  if (credential.kind === 'api-key') return 'An API key is in use; it does not end by itself.'
  const planned = timeline?.plannedRefreshAt ?? null
  const ends = credential.loginExpiresAt
  const refresh = planned === null ? null : `Next refresh in ${duration(Date.parse(planned) - now)}`
  if (ends === null) return refresh === null ? 'Messages are answered.' : `${refresh}.`
  const about = credential.loginExpiryEstimated ? 'about ' : ''
  const left = Date.parse(ends) - now
  const end = `your sign-in ends ${left < DAY ? `in ${duration(left)}` : `on ${about}${day(ends)}`}`
  return refresh === null ? `${end.charAt(0).toUpperCase()}${end.slice(1)}.` : `${refresh}; ${end}.`
}
