import type { Secret } from '../support/secret.ts'
import { createPkce, createState } from './pkce.ts'
import type { OAuthSettings } from './token-endpoint.ts'

/** A sign-in that has been started and waits for the person's paste. */
export interface Authorization {
  /** What the person opens. */
  readonly url: string
  readonly state: Secret
  readonly verifier: Secret
  readonly redirectUri: string
}

/**
 * Starts a sign-in: a fresh verifier and state, and the address to open.
 *
 * @param redirectUri a loopback address instead of the configured page
 * @see https://www.rfc-editor.org/rfc/rfc6749#section-4.1.1
 */
export async function beginAuthorization(
  settings: OAuthSettings,
  redirectUri: string = settings.redirectUri,
): Promise<Authorization> {
  const { verifier, challenge } = await createPkce()
  const state = createState()
  const url = new URL(settings.authorizeUrl)
  url.searchParams.set('response_type', 'code')
  url.searchParams.set('client_id', settings.clientId)
  url.searchParams.set('redirect_uri', redirectUri)
  url.searchParams.set('scope', settings.scopes.join(' '))
  url.searchParams.set('code_challenge', challenge)
  url.searchParams.set('code_challenge_method', 'S256')
  url.searchParams.set('state', state.reveal())
  return { url: url.href, state, verifier, redirectUri }
}
