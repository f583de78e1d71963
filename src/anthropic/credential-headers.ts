import type { Credential } from '../credentials/credential.ts'

/** Marks an OAuth token's request. @see https://docs.anthropic.com/en/api/beta-headers */
const OAUTH_BETA = 'oauth-2025-04-20'

/** An API key goes as `x-api-key`, everything else as a bearer token. null: a header that is not sent. */
export function credentialHeaders(credential: Credential): Record<string, string | null> {
  if (credential.kind === 'api-key') return { 'x-api-key': credential.secret.reveal(), authorization: null }
  const authorization = `Bearer ${credential.secret.reveal()}`
  return { ...credential.headers, authorization, 'anthropic-beta': OAUTH_BETA }
}
