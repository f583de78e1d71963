import { waitingCount } from '../../inbox/gate/readiness.ts'
import type { WaitingCounts } from '../../inbox/inbox.ts'
import { isoTime } from '../../support/clock.ts'
import type { StatusLine } from '../wire.ts'
import type { HoldingCredential } from './services.ts'

/** Instead of those below where an API key is at fault. */
const KEY_SENTENCES: Readonly<Record<string, string>> = {
  'needs-login': 'The API key was rejected. Put in a new one to continue.',
  'not-permitted': 'Anthropic does not permit the use of this API key; an operator needs to check it.',
}

const SENTENCES: Readonly<Record<string, string>> = {
  'needs-login': "You've been signed out. Sign in to continue.",
  'not-permitted': 'Anthropic has rejected this account; an operator needs to check it.',
  misconfigured: 'The configuration needs fixing.',
  degraded: 'Claude does not accept the sign-in right now. Retrying automatically.',
  refreshing: 'Refreshing the sign-in.',
  'usage-limited': 'The usage limit is reached. Answers resume when it resets.',
  budget: 'The budget is reached. Answers resume when it opens again.',
  stalled: 'No message has been answered for several minutes. An operator should check the gateway.',
  store: "The disk or database can't store messages right now.",
}

/** Why Claude does not answer, by the reason of `provider-unavailable`. */
const PROVIDER_CAUSES: Readonly<Record<string, string>> = {
  overloaded: 'Claude is overloaded',
  'rate-limited': 'Claude accepts no more requests for a moment',
  provider: 'Claude has a problem',
}
const UNREACHABLE = "Claude can't be reached right now"

/** What holds messages, and how many wait, in words. Pure. */
export function statusLine(
  holding: HoldingCredential | null,
  counts: Omit<WaitingCounts, 'oldestAt'>,
  page: { readonly sandbox: boolean; readonly login: unknown },
): StatusLine {
  const { held, parked } = counts
  const waiting = waitingCount(counts, holding)
  const common = { waiting, held, parked, sandbox: page.sandbox }
  if (holding === null) {
    const sentence = 'Signed in and ready.'
    return { ready: true, status: 'ready', reason: null, sentence, nextTryAt: null, ...common, signIn: false }
  }
  const { status, reason, nextTryAt } = holding
  return {
    ready: false,
    status,
    reason,
    sentence: sentenceOf(holding, waiting),
    nextTryAt: isoTime(nextTryAt),
    ...common,
    signIn: page.login !== null && status === 'needs-login',
  }
}

function sentenceOf({ status, reason, credentialKind }: HoldingCredential, waiting: number): string {
  if (status === 'provider-unavailable') {
    const cause = PROVIDER_CAUSES[reason ?? ''] ?? UNREACHABLE
    if (waiting === 0) return `${cause}.`
    return waiting === 1 ? `${cause}; 1 message waits.` : `${cause}; ${waiting} messages wait.`
  }
  const ofKey = credentialKind === 'api-key' ? KEY_SENTENCES[status] : undefined
  const what = ofKey ?? SENTENCES[status] ?? "Messages can't be answered right now."
  if (waiting === 0) return what
  return waiting === 1 ? `${what} 1 message saved.` : `${what} ${waiting} messages saved.`
}
