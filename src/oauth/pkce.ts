import { calculatePKCECodeChallenge, generateRandomCodeVerifier, generateRandomState } from 'oauth4webapi'
import { Secret } from '../support/secret.ts'

/** Proves at the exchange that this client started the sign-in. */
export interface Pkce {
  readonly verifier: Secret
  /** base64url of the verifier's SHA-256; method S256. */
  readonly challenge: string
}

/** A new verifier of 32 random bytes with its challenge. @see https://www.rfc-editor.org/rfc/rfc7636#section-4 */
export async function createPkce(): Promise<Pkce> {
  const verifier = generateRandomCodeVerifier()
  return { verifier: new Secret(verifier), challenge: await calculatePKCECodeChallenge(verifier) }
}

/**
 * A new `state` of 32 random bytes. Never the verifier: the state appears in URLs, browser histories and
 * pastes, where the verifier must not.
 */
export function createState(): Secret {
  return new Secret(generateRandomState())
}
