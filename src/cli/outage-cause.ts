import { brokenWords, NO_CREDENTIAL, type CredentialOrigin } from '../credentials/credential-words.ts'

/** Why messages are not answered, as the end of a sentence, by status and reason. */
const CAUSES: Readonly<Record<string, string>> = {
  'needs-login': 'a new sign-in is needed',
  'needs-login/absent': 'nobody has signed in yet',
  'needs-login/expired': '{sign-in} has expired',
  'needs-login/lost-in-rotation': '{sign-in} was lost during a refresh',
  'needs-login/other-machine': 'this home was copied from another machine',
  'needs-login/revoked': '{sign-in} was revoked',
  'needs-login/scope': '{sign-in} lacks a permission',
  'needs-login/unrenewable': 'the token has expired and cannot be renewed',
  'not-permitted': 'the provider rejected this account',
  'not-permitted/account': 'the provider suspended this account',
  'not-permitted/billing': 'the provider rejected this account for a billing reason',
  'not-permitted/policy': 'the provider does not allow this kind of sign-in',
  degraded: 'refreshing the sign-in fails',
  'degraded/endpoint': 'the token endpoint refuses to refresh the sign-in',
  'degraded/network': 'the sign-in server cannot be reached',
  'degraded/rate-limited': 'the token endpoint is rate-limiting us',
  'degraded/store': 'the home folder cannot be written',
  misconfigured: 'the configuration is wrong',
  refreshing: 'the sign-in is being refreshed',
  'provider-unavailable': 'the provider does not answer',
  'provider-unavailable/network': 'the provider cannot be reached',
  'provider-unavailable/overloaded': 'the provider is overloaded',
  'provider-unavailable/rate-limited': 'the provider limits requests',
  stalled: 'messages are accepted, but none has been answered for five minutes',
  store: 'the disk or database cannot store messages',
  'usage-limited': 'the usage limit has been reached',
}

/** The cause of an outage in words: `the sign-in was revoked`, `the API key was rejected`. */
export function outageCause(
  status: string,
  reason: string | null,
  credential: CredentialOrigin = NO_CREDENTIAL,
): string {
  return (
    brokenWords(CAUSES, status, reason, credential) ?? (reason === null ? status : `${status} (${reason})`)
  )
}
