import { brokenWords, NO_CREDENTIAL, type CredentialOrigin } from '../credentials/credential-words.ts'

/** By state and reason. */
const CAUSES: Readonly<Record<string, string>> = {
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
  refreshing: 'the sign-in is being refreshed',
  misconfigured: 'the configuration is invalid',
  'usage-limited': 'the usage limit has been reached',
  'provider-unavailable': 'Claude is not responding',
  'provider-unavailable/network': 'Claude cannot be reached',
  'provider-unavailable/overloaded': 'Claude is overloaded',
  'provider-unavailable/rate-limited': 'Claude is limiting requests',
  stalled: 'messages are accepted but not answered',
  store: 'the disk or database cannot store messages',
}

/** Why messages are not answered, for alerts and commands, as a part of a sentence: `the sign-in was revoked`. */
export function outageCause(
  status: string,
  reason: string | null,
  credential: CredentialOrigin = NO_CREDENTIAL,
): string {
  return brokenWords(CAUSES, status, reason, credential) ?? `messages cannot be answered (${status})`
}
