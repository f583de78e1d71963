import type { StatusLine } from '../wire.ts'
import type { Readiness } from './services.ts'

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
  'provider-unavailable': "Claude can't be reached right now. Retrying automatically.",
  stalled: 'No message has been answered for several minutes. An operator should check the gateway.',
  store: "The disk or database can't store messages right now.",
}

/** Readiness and the number of waiting messages, in words. Pure. */
export function statusLine(
  readiness: Readiness,
  waiting: { readonly held: number; readonly parked: number },
  page: { readonly sandbox: boolean; readonly login: unknown },
): StatusLine {
  const { held, parked } = waiting
  const { sandbox } = page
  if (readiness.ready) {
    const sentence = 'Signed in and ready.'
    return { ready: true, status: 'ready', reason: null, sentence, held, parked, sandbox, signIn: false }
  }
  const { status, reason, credentialKind } = readiness
  const ofKey = credentialKind === 'api-key' ? KEY_SENTENCES[status] : undefined
  const what = ofKey ?? SENTENCES[status] ?? "Messages can't be answered right now."
  const saved = held === 0 ? '' : held === 1 ? ' 1 message saved.' : ` ${held} messages saved.`
  const signIn = page.login !== null && status === 'needs-login'
  return { ready: false, status, reason, sentence: what + saved, held, parked, sandbox, signIn }
}
