import type { SandboxEvent } from '../../../src/http/wire.ts'

interface Words {
  readonly tone: 'good' | 'bad' | 'note'
  readonly text: string
}

const says =
  (tone: Words['tone'], text: (event: SandboxEvent) => string) =>
  (event: SandboxEvent): Words => ({ tone, text: text(event) })

const GRANTS: Readonly<Record<string, string>> = {
  refresh_token: 'Asked to renew',
  authorization_code: 'Asked to exchange a code',
}

const KINDS: Readonly<Record<string, (event: SandboxEvent) => Words>> = {
  'token-request': ({ grant, encoding, outcome, issued }) => ({
    tone: issued === null ? 'bad' : 'good',
    text: `${GRANTS[String(grant)] ?? 'Asked for a token'} (${String(encoding)}): ${outcome === 'issued' ? `token ${String(issued)}` : String(outcome)}`,
  }),
  'signed-in': says('good', ({ issued }) => `Signed in: token ${String(issued)}`),
  rotated: says('note', ({ issued }) => `The sign-in moved on to token ${String(issued)}`),
  replayed: says('bad', () => 'A spent token came again: the whole sign-in is revoked'),
  authorized: says('good', () => 'Somebody approved the sign-in'),
  message: says('note', ({ fingerprint }) => `A message, with token ${String(fingerprint)}`),
  rejected: says('bad', ({ status, reason }) => `Rejected with ${String(status)}: ${String(reason)}`),
  failed: says('bad', ({ status, reason }) => `Failed with ${String(status)}: ${String(reason)}`),
  'fault-on': says('bad', ({ target, fault }) => `Broken: ${String(fault)} (${String(target)})`),
  repaired: says('good', ({ target }) => `Repaired (${String(target)})`),
  expired: says(
    'bad',
    ({ tokens }) => `${tokens === 1 ? 'The token has' : `${String(tokens)} tokens have`} expired`,
  ),
  revoked: says(
    'bad',
    ({ tokens }) => `${tokens === 1 ? 'The token is' : `${String(tokens)} tokens are`} revoked`,
  ),
}

/** One event of the stand-in as a line that a visitor understands. */
export function eventWords(event: SandboxEvent): Words {
  return KINDS[event.kind]?.(event) ?? { tone: 'note', text: event.kind }
}
