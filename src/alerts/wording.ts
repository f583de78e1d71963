import { fillText, type TextKey, type Texts } from '../config/texts.ts'
import { NO_CREDENTIAL, remedyOf, type Remedy } from '../credentials/credential-words.ts'
import { HOUR, MINUTE, isoTime } from '../support/clock.ts'
import type { Incident } from './incident.ts'
import { outageCause } from './outage-cause.ts'

/** What the sentences are filled from. */
export interface WordingContext {
  readonly texts: Texts
  readonly host: string
  readonly now: number
  /** Messages waiting now. */
  readonly waiting: number
}

/** What happens automatically. */
const NEXT: Readonly<Record<string, string>> = {
  'needs-login': 'Messages are being saved and will be answered once you sign in.',
  'not-permitted': 'Messages are being saved; retrying hourly.',
  degraded: 'Messages are being saved; retrying automatically.',
  misconfigured: 'Messages are being saved until the configuration is fixed.',
  'usage-limited': 'Messages are being saved and will be answered when it resets.',
  'provider-unavailable': 'Messages are being saved and will be answered when Claude is back.',
  stalled: 'Nothing is lost; a restart may help.',
  store: 'New messages stay on their platforms until there is room.',
}

const causeOf = ({ status, reason, credential }: Incident): string =>
  outageCause(status, reason, credential ?? NO_CREDENTIAL)

export function openedText(incident: Incident, context: WordingContext): string {
  return tidy(
    fillText(context.texts, 'alert_opened', {
      what: causeOf(incident),
      since: clockTime(incident.openedAt),
      waiting: waitingWords(context.waiting),
      next: nextOf(incident),
      mend: remedy(incident, context),
    }),
  )
}

export function reminderText(incident: Incident, context: WordingContext): string {
  return tidy(
    fillText(context.texts, 'alert_reminder', {
      age: ageWords(context.now - incident.openedAt),
      what: causeOf(incident),
      waiting: waitingWords(context.waiting),
      next: nextOf(incident),
      mend: remedy(incident, context),
    }),
  )
}

export function closedText(incident: Incident, context: WordingContext): string {
  return tidy(
    fillText(context.texts, 'alert_closed', {
      age: ageWords(context.now - incident.openedAt),
      what: causeOf(incident),
      answered: incident.counts.answered,
      refused: incident.counts.refused,
      parked: incident.counts.parked,
    }),
  )
}

/** The sentence for each remedy: the credential at fault names what repairs it. */
const REMEDIES = {
  'sign-in': 'mend_chat',
  'api-key': 'mend_key',
  'claude-code': 'mend_claude_code',
  profile: 'mend_profile',
  'refresh-command': 'mend_command',
} as const satisfies Record<Remedy, TextKey>

/** The one thing to do, where there is one. */
function remedy({ status, reason, credential }: Incident, { texts, host }: WordingContext): string {
  const which = remedyOf(credential ?? NO_CREDENTIAL)
  switch (status) {
    case 'needs-login':
    case 'degraded':
      return reason === 'store'
        ? `Free some space or fix the permissions of the home folder on ${host}.`
        : fillText(texts, REMEDIES[which], { host })
    case 'not-permitted':
      return which === 'api-key'
        ? `Check the account of the key with Anthropic, or replace it: ${fillText(texts, 'mend_key', { host })}`
        : `Sign in with an API key (\`hermes auth login --api-key\` on ${host}), or contact Anthropic.`
    case 'misconfigured':
      return `Run \`hermes status\` on ${host}.`
    case 'store':
      return `Free some disk space on ${host}.`
    case 'stalled':
      return `Check the gateway's log on ${host}.`
    default:
      return ''
  }
}

/** What happens automatically. */
function nextOf({ status, credential }: Incident): string {
  if (status === 'needs-login' && remedyOf(credential ?? NO_CREDENTIAL) === 'api-key')
    return 'Messages are being saved and will be answered with a new key.'
  return NEXT[status] ?? ''
}

function waitingWords(count: number): string {
  return count === 1 ? 'One message is' : `${count} messages are`
}

/** `15:00 UTC` */
export function clockTime(at: number): string {
  return `${isoTime(at).slice(11, 16)} UTC`
}

/** `3 h`, `12 min` */
function ageWords(ms: number): string {
  return ms >= HOUR ? `${Math.round(ms / HOUR)} h` : `${Math.max(1, Math.round(ms / MINUTE))} min`
}

/** Empty placeholders leave double spaces. */
function tidy(text: string): string {
  return text.replace(/ {2,}/g, ' ').trim()
}
