import { Secret } from '../support/secret.ts'
import type { Credential, CredentialKind, SourceName } from './credential.ts'
import type { Generation, RefreshableSignIn } from './sign-in.ts'

/** A credential with what is needed to keep it alive. Immutable. */
export interface ManagedCredential extends Credential {
  /** null: nothing here can refresh it. */
  readonly refreshSource: RefreshSource | null
  /** Epoch milliseconds; null = unknown. */
  readonly issuedAt: number | null
  readonly loginExpiresAt: number | null
  readonly loginExpiryEstimated: boolean
}

export interface RefreshSource {
  readonly signIn: RefreshableSignIn
  /** What `signIn.refresh` spends. */
  readonly generation: Generation
  /** Another program owns the sign-in and refreshes it as well. */
  readonly borrowed: boolean
}

/** A token or key that is simply there. */
export function staticCredential(
  kind: CredentialKind,
  source: SourceName,
  secret: Secret,
): ManagedCredential {
  return {
    kind,
    source,
    secret,
    fingerprint: secret.fingerprint,
    expiresAt: null,
    accountId: null,
    refreshSource: null,
    issuedAt: null,
    loginExpiresAt: null,
    loginExpiryEstimated: false,
  }
}

/**
 * A placeholder for the token that a command or a profile has not given yet: long expired, so
 * that it is never presented, and the ordinary refresh asks for the first one.
 */
export const NOT_YET_ISSUED: Generation = {
  accessToken: new Secret(''),
  refreshToken: null,
  expiresAt: 0,
  issuedAt: null,
  loginExpiresAt: null,
  loginExpiryEstimated: false,
  scopes: [],
  accountId: null,
  accountEmail: null,
}

export interface GenerationOrigin {
  readonly kind: CredentialKind
  readonly source: SourceName
  readonly signIn: RefreshableSignIn
  readonly borrowed: boolean
  /** True where the sign-in refreshes itself without a refresh token: a command, a profile. */
  readonly needsNoRefreshToken?: boolean
  readonly headers?: Readonly<Record<string, string>> | undefined
}

/** One generation of a sign-in that lives in a store. */
export function managedCredential(generation: Generation, origin: GenerationOrigin): ManagedCredential {
  const { kind, source, signIn, borrowed, headers } = origin
  const refreshable = generation.refreshToken !== null || origin.needsNoRefreshToken === true
  const { accessToken, expiresAt, accountId, issuedAt, loginExpiresAt, loginExpiryEstimated } = generation
  return {
    kind,
    source,
    secret: accessToken,
    // A sign-in that gave no token yet has no generation to name.
    fingerprint: generation === NOT_YET_ISSUED ? '' : accessToken.fingerprint,
    expiresAt,
    ...(headers ? { headers } : {}),
    accountId,
    refreshSource: refreshable ? { signIn, generation, borrowed } : null,
    issuedAt,
    loginExpiresAt,
    loginExpiryEstimated,
  }
}

/** `credential` after its sign-in gave another generation. */
export function refreshedCredential(
  { kind, source, headers }: ManagedCredential,
  { signIn, borrowed, generation: { refreshToken } }: RefreshSource,
  generation: Generation,
): ManagedCredential {
  return managedCredential(generation, {
    kind,
    source,
    signIn,
    borrowed,
    headers,
    needsNoRefreshToken: refreshToken === null,
  })
}

/** May one take the other's place? Accounts that are unknown cannot be told apart. */
export function sameAccount(a: string | null, b: string | null): boolean {
  return a === null || b === null || a === b
}
