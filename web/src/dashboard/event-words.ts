import type { SandboxEvent } from '../../../src/http/wire.ts'

interface Words {
  readonly tone: 'good' | 'bad' | 'note'
  readonly text: string
}

const line =
  (tone: Words['tone'], text: (event: SandboxEvent) => string) =>
  (event: SandboxEvent): Words => ({ tone, text: text(event) })

const GRANTS: Readonly<Record<string, string>> = {
  refresh_token: 'Token refresh',
  authorization_code: 'Code exchange',
}

const KINDS: Readonly<Record<string, (event: SandboxEvent) => Words>> = {
  'token-request': ({ grant, encoding, outcome, issued }) => ({
    tone: issued === null ? 'bad' : 'good',
    text: `${GRANTS[String(grant)] ?? 'Token request'} (${String(encoding)}): ${outcome === 'issued' ? `token ${String(issued)}` : String(outcome)}`,
  }),
  'signed-in': line('good', ({ issued }) => `Signed in: token ${String(issued)}`),
  rotated: line('note', ({ issued }) => `The sign-in was rotated to token ${String(issued)}`),
  replayed: line('bad', () => 'A used refresh token was sent again: the whole sign-in is revoked'),
  authorized: line('good', () => 'The sign-in was approved'),
  message: line('note', ({ fingerprint }) => `Message request with token ${String(fingerprint)}`),
  rejected: line('bad', ({ status, reason }) => `Rejected with ${String(status)}: ${String(reason)}`),
  failed: line('bad', ({ status, reason }) => `Failed with ${String(status)}: ${String(reason)}`),
  'fault-on': line('bad', ({ target, fault }) => `Broken: ${String(fault)} (${String(target)})`),
  repaired: line('good', ({ target }) => `Repaired (${String(target)})`),
  expired: line(
    'bad',
    ({ tokens }) => `${tokens === 1 ? 'The token has' : `${String(tokens)} tokens have`} expired`,
  ),
  revoked: line(
    'bad',
    ({ tokens }) => `${tokens === 1 ? 'The token is' : `${String(tokens)} tokens are`} revoked`,
  ),
}

/** One event of the simulator as a readable line. */
export function eventWords(event: SandboxEvent): Words {
  return KINDS[event.kind]?.(event) ?? { tone: 'note', text: event.kind }
}
