import { fillText, type Texts } from '../config/texts.ts'
import { HOUR, MINUTE } from '../support/clock.ts'
import type { Incident } from './incident.ts'

/** What the wording needs to know of the world. */
export interface WordingContext {
  readonly texts: Texts
  readonly host: string
  readonly now: number
  /** Messages that wait now. */
  readonly waiting: number
}

/** What broke, in the operator's words, by state and reason. */
const WHAT: Readonly<Record<string, string>> = {
  'needs-login': 'Claude cannot be reached: a new sign-in is needed',
  'needs-login/expired': 'Claude cannot be reached: the sign-in has ended',
  'needs-login/revoked': 'Claude cannot be reached: the sign-in was revoked',
  'needs-login/lost-in-rotation': 'Claude cannot be reached: the sign-in was lost while it was renewed',
  'needs-login/absent': 'Claude cannot be reached: nobody has signed in yet',
  'needs-login/unrenewable': 'Claude cannot be reached: the token has ended and cannot be renewed',
  'needs-login/scope': 'Claude cannot be reached: the sign-in lacks a permission',
  'needs-login/other-machine': 'Claude cannot be reached: this home was copied from another machine',
  'not-permitted': 'Claude refuses this account',
  'not-permitted/policy': 'Claude refuses this kind of sign-in for other programs, or for this organization',
  'not-permitted/billing': 'Claude refuses this account for a billing reason',
  'not-permitted/account': 'Claude has put this account on hold',
  degraded: 'Claude cannot be reached: the sign-in is being renewed without success',
  'degraded/endpoint': 'Claude cannot be reached: the address for renewing the sign-in refuses us',
  'degraded/rate-limited': 'Claude cannot be reached: renewing the sign-in is rate-limited',
  'degraded/network': 'Claude cannot be reached: the network or the sign-in server does not answer',
  'degraded/store': 'Claude cannot be reached: the home folder cannot be written',
  misconfigured: 'Claude cannot be reached: the configuration is wrong',
  'usage-limited': 'The usage limit is reached',
  'provider-unavailable': 'Claude itself does not answer',
  stalled: 'Messages are accepted but nothing is answered',
  store: 'The disk or database does not take messages',
}

/** What will happen by itself. */
const NEXT: Readonly<Record<string, string>> = {
  'needs-login': 'Messages are kept and answered after the sign-in.',
  'not-permitted': 'Messages are kept; it is tried again once an hour.',
  degraded: 'Messages are kept; it is tried again by itself.',
  misconfigured: 'Messages are kept until the configuration is mended.',
  'usage-limited': 'Messages are kept and answered when it ends.',
  'provider-unavailable': 'Messages are kept and answered as soon as it is back.',
  stalled: 'Nothing is lost; a restart may help.',
  store: 'New messages stay on their platforms until there is room.',
}

export function whatBroke(status: string, reason: string | null): string {
  return WHAT[`${status}/${reason}`] ?? WHAT[status] ?? `Messages cannot be answered (${status})`
}

export function openedText(incident: Incident, context: WordingContext): string {
  return tidy(
    fillText(context.texts, 'alert_opened', {
      what: whatBroke(incident.status, incident.reason),
      since: clockTime(incident.openedAt),
      waiting: waitingWords(context.waiting),
      next: NEXT[incident.status] ?? '',
      mend: mendWords(incident, context),
    }),
  )
}

export function reminderText(incident: Incident, context: WordingContext): string {
  return tidy(
    fillText(context.texts, 'alert_reminder', {
      age: ageWords(context.now - incident.openedAt),
      what: whatBroke(incident.status, incident.reason),
      waiting: waitingWords(context.waiting),
      next: NEXT[incident.status] ?? '',
      mend: mendWords(incident, context),
    }),
  )
}

export function closedText(incident: Incident, context: WordingContext): string {
  return tidy(
    fillText(context.texts, 'alert_closed', {
      age: ageWords(context.now - incident.openedAt),
      what: whatBroke(incident.status, incident.reason),
      answered: incident.counts.answered,
      refused: incident.counts.refused,
      parked: incident.counts.parked,
    }),
  )
}

/** The one thing to do, where there is one. */
function mendWords(incident: Incident, { texts, host }: WordingContext): string {
  switch (incident.status) {
    case 'needs-login':
    case 'degraded':
      return incident.reason === 'store'
        ? `Make room or mend the permissions of the home folder on ${host}.`
        : fillText(texts, 'mend_chat', { host })
    case 'not-permitted':
      return `Sign in with an API key (\`hermes auth login --api-key\` on ${host}), or settle it with the provider.`
    case 'misconfigured':
      return `Look at \`hermes status\` on ${host}.`
    case 'store':
      return `Make room on the disk of ${host}.`
    case 'stalled':
      return `Look at the log of the gateway on ${host}.`
    default:
      return ''
  }
}

function waitingWords(count: number): string {
  return count === 1 ? 'One message is' : `${count} messages are`
}

/** `15:00 UTC` */
export function clockTime(at: number): string {
  return `${new Date(at).toISOString().slice(11, 16)} UTC`
}

/** `3 h`, `12 min` */
function ageWords(ms: number): string {
  return ms >= HOUR ? `${Math.round(ms / HOUR)} h` : `${Math.max(1, Math.round(ms / MINUTE))} min`
}

/** Placeholders that stayed empty leave double spaces behind. */
function tidy(text: string): string {
  return text.replace(/ {2,}/g, ' ').trim()
}
