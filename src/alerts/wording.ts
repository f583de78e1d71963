import { fillText, type TextKey, type Texts } from '../config/texts.ts'
import { brokenWords, NO_CREDENTIAL, remedyOf, type Remedy } from '../credentials/credential-words.ts'
import { HOUR, MINUTE } from '../support/clock.ts'
import type { Incident } from './incident.ts'

/** What the sentences are filled from. */
export interface WordingContext {
  readonly texts: Texts
  readonly host: string
  readonly now: number
  /** Messages waiting now. */
  readonly waiting: number
}

type Broken = Pick<Incident, 'status' | 'reason' | 'credential'>

/** What broke, by state and reason, as the middle of a sentence. */
const WHAT: Readonly<Record<string, string>> = {
  'needs-login': 'a new sign-in is needed',
  'needs-login/expired': '{sign-in} has expired',
  'needs-login/revoked': '{sign-in} was revoked',
  'needs-login/lost-in-rotation': '{sign-in} was lost during a refresh',
  'needs-login/absent': 'nobody has signed in yet',
  'needs-login/unrenewable': 'the token has expired and cannot be renewed',
  'needs-login/scope': '{sign-in} lacks a permission',
  'needs-login/other-machine': 'this home folder was copied from another machine',
  'not-permitted': 'Anthropic has rejected this account',
  'not-permitted/policy':
    'Anthropic rejects this kind of sign-in for other programs, or for this organization',
  'not-permitted/billing': 'Anthropic has rejected this account for a billing reason',
  'not-permitted/account': 'Anthropic has suspended this account',
  degraded: 'refreshing the sign-in keeps failing',
  'degraded/endpoint': 'the token endpoint rejects the refresh',
  'degraded/rate-limited': 'refreshing the sign-in is rate-limited',
  'degraded/network': 'the network or the sign-in server does not respond',
  'degraded/store': 'the home folder cannot be written',
  misconfigured: 'the configuration is invalid',
  'usage-limited': 'the usage limit is reached',
  'provider-unavailable': 'Claude is not responding',
  stalled: 'messages are accepted but not answered',
  store: 'the disk or database cannot store messages',
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

/** As the middle of a sentence. */
export function whatBroke({ status, reason, credential }: Broken): string {
  const words = brokenWords(WHAT, status, reason, credential ?? NO_CREDENTIAL)
  return words ?? `messages cannot be answered (${status})`
}

export function openedText(incident: Incident, context: WordingContext): string {
  return tidy(
    fillText(context.texts, 'alert_opened', {
      what: whatBroke(incident),
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
      what: whatBroke(incident),
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
      what: whatBroke(incident),
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
  return `${new Date(at).toISOString().slice(11, 16)} UTC`
}

/** `3 h`, `12 min` */
function ageWords(ms: number): string {
  return ms >= HOUR ? `${Math.round(ms / HOUR)} h` : `${Math.max(1, Math.round(ms / MINUTE))} min`
}

/** Empty placeholders leave double spaces. */
function tidy(text: string): string {
  return text.replace(/ {2,}/g, ' ').trim()
}
