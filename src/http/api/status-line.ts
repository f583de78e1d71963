import type { StatusLine } from '../wire.ts'
import type { Readiness } from './services.ts'

const SENTENCES: Readonly<Record<string, string>> = {
  'needs-login': 'Waiting for you: the sign-in has ended.',
  'not-permitted': 'Claude refuses this account. The operator has to look into it.',
  misconfigured: 'The gateway is not set up right. The operator has to mend its configuration.',
  degraded: 'Claude does not accept the sign-in right now. The gateway keeps trying.',
  refreshing: 'The sign-in is being renewed.',
  'usage-limited': 'The usage limit is reached. It ends by itself.',
  'provider-unavailable': 'Claude cannot be reached right now. The gateway keeps trying.',
  stalled: 'No message has been answered for some minutes. The operator should have a look.',
  store: 'The disk or database takes no messages right now.',
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
  const { status, reason } = readiness
  const what = SENTENCES[status] ?? 'Messages cannot be answered right now.'
  const saved = held === 0 ? '' : held === 1 ? ' One message is safe.' : ` ${held} messages are safe.`
  const signIn = page.login !== null && status === 'needs-login'
  return { ready: false, status, reason, sentence: what + saved, held, parked, sandbox, signIn }
}
