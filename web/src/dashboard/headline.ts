import type { StatusReport, TimelineReport } from '../../../src/http/wire-reports.ts'
import type { StatusLine } from '../../../src/http/wire.ts'
import { count, day, DAY, duration, moment } from './words.ts'

/** The main sentence, and the action that helps. */
export interface Headline {
  readonly tone: 'good' | 'wait' | 'bad'
  readonly sentence: string
  readonly detail: string | null
  readonly action: { readonly label: string; readonly path: string } | null
}

/** What happens automatically, and what does not. */
const DETAILS: Readonly<Record<string, string>> = {
  'needs-login': 'Messages are being saved and will be answered, oldest first, once you sign in.',
  'not-permitted': 'Messages are being saved; retrying hourly. Another account or an API key helps at once.',
  misconfigured:
    'Messages are being saved until the configuration is fixed. “hermes doctor” shows the error.',
  degraded:
    'Messages are being saved and will be answered when the sign-in works again. You need not do anything.',
  'usage-limited': 'Messages are being saved and will be answered when the limit resets.',
  budget:
    'Messages are being saved and will be answered when the budget opens again. “/budget +5” raises it for today.',
  'provider-unavailable': 'Messages are being saved and will be answered when Claude is back.',
  stalled: 'Nothing is lost. If it does not recover, restart the gateway.',
  store: 'New messages stay on their platforms until there is space again.',
}

const ACTIONS: Readonly<Record<string, Headline['action']>> = {
  'needs-login': { label: 'Sign in', path: '/sign-in' },
  'not-permitted': { label: 'Sign in differently', path: '/sign-in' },
}

/** What ends within moments, without anybody's help. */
const PASSING: ReadonlySet<string> = new Set(['provider-unavailable', 'refreshing'])

export function toneOf(line: StatusLine): Headline['tone'] {
  if (line.ready) return 'good'
  return PASSING.has(line.status) ? 'wait' : 'bad'
}

/**
 * The overall state in plain words. Pure.
 *
 * @param line the gateway's status line; null = no response yet
 */
export function headline(
  line: StatusLine | null,
  report: StatusReport | null,
  timeline: TimelineReport | null,
  now: number,
): Headline {
  if (line === null) return { tone: 'wait', sentence: 'Connecting…', detail: null, action: null }
  if (!line.ready) {
    // What a health check does not report yet is no incident.
    const isIncident = report === null || report.gateway.status !== 'ready' || report.holding === null
    const watch = isIncident
      ? { label: 'View incident', path: '/incidents' }
      : { label: 'View the queue', path: '/queue' }
    return {
      tone: toneOf(line),
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
        ? `${count(parked, 'message').replace('one', 'One')} could not be answered and ${parked === 1 ? 'needs' : 'need'} your decision.`
        : null,
    action:
      parked > 0
        ? { label: 'Review parked messages', path: '/queue' }
        : line.sandbox
          ? { label: 'Break something', path: '/sandbox' }
          : null,
  }
}

/** Usable now, but not for long without action. */
function usableTrouble({ credential }: StatusReport, now: number): Headline | null {
  if (credential.state !== 'at-risk') return null
  const left = credential.expiresAt === null ? null : Date.parse(credential.expiresAt) - now
  const ends = left === null ? '' : ` It expires in ${duration(left)}.`
  if (credential.reason === 'unrenewable') {
    return {
      tone: 'wait',
      sentence: `Signed in with a token that cannot be renewed.${ends}`,
      detail: 'Sign in here or use an API key to avoid this.',
      action: { label: 'Sign in', path: '/sign-in' },
    }
  }
  return {
    tone: 'wait',
    sentence: `Signed in, but refreshing keeps failing.${ends}`,
    detail: credential.nextAttemptAt ? `Next attempt at ${moment(credential.nextAttemptAt, now)}.` : null,
    action: { label: 'Sign in again', path: '/sign-in' },
  }
}

function lifeOf({ credential }: StatusReport, timeline: TimelineReport | null, now: number): string {
  if (credential.kind === 'api-key') return "An API key is in use; it doesn't expire."
  const planned = timeline?.plannedRefreshAt ?? null
  const ends = credential.loginExpiresAt
  const refresh = planned === null ? null : `Next refresh in ${duration(Date.parse(planned) - now)}`
  if (ends === null) return refresh === null ? 'Messages are being answered.' : `${refresh}.`
  const about = credential.loginExpiryEstimated ? 'about ' : ''
  const left = Date.parse(ends) - now
  const end = `your sign-in expires ${left < DAY ? `in ${duration(left)}` : `on ${about}${day(ends)}`}`
  return refresh === null ? `${end.charAt(0).toUpperCase()}${end.slice(1)}.` : `${refresh}; ${end}.`
}
