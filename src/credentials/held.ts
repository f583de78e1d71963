import { Secret } from '../support/secret.ts'
import type { Credential, CredentialKind, SourceName } from './credential.ts'
import type { Generation, RefreshableSignIn } from './sign-in.ts'

/** The credential in hand, with what is needed to keep it alive. Immutable. */
export interface Held {
  readonly credential: Credential
  /** null: nothing here can refresh it. */
  readonly renewal: Renewal | null
  /** Epoch milliseconds; null = unknown. */
  readonly issuedAt: number | null
  readonly loginExpiresAt: number | null
  readonly loginExpiryEstimated: boolean
  /** The account's address, for people; never needed to decide anything. */
  readonly accountEmail: string | null
}

export interface Renewal {
  readonly signIn: RefreshableSignIn
  /** What `signIn.refresh` spends. */
  readonly generation: Generation
  /** Another program owns the sign-in and refreshes it as well. */
  readonly borrowed: boolean
}

/** A token or key that is simply there. */
export function holdStatic(kind: CredentialKind, source: SourceName, secret: Secret): Held {
  return {
    credential: {
      kind,
      source,
      secret,
      fingerprint: secret.fingerprint,
      expiresAt: null,
      renewable: false,
      accountId: null,
    },
    renewal: null,
    issuedAt: null,
    loginExpiresAt: null,
    loginExpiryEstimated: false,
    accountEmail: null,
  }
}

/**
 * Stands for the token that a command or a profile has not given yet: long over, so
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
}

/** One generation of a sign-in that lives in a store. */
export function holdGeneration(generation: Generation, origin: GenerationOrigin): Held {
  const renewable = generation.refreshToken !== null || origin.needsNoRefreshToken === true
  const { accessToken, expiresAt, accountId } = generation
  return {
    credential: {
      kind: origin.kind,
      source: origin.source,
      secret: accessToken,
      // A sign-in that gave no token yet has no generation to name.
      fingerprint: generation === NOT_YET_ISSUED ? '' : accessToken.fingerprint,
      expiresAt,
      renewable,
      accountId,
    },
    renewal: renewable ? { signIn: origin.signIn, generation, borrowed: origin.borrowed } : null,
    issuedAt: generation.issuedAt,
    loginExpiresAt: generation.loginExpiresAt,
    loginExpiryEstimated: generation.loginExpiryEstimated,
    accountEmail: generation.accountEmail,
  }
}

/** `held` after its sign-in gave another generation. */
export function withGeneration(held: Held, generation: Generation): Held {
  const { renewal, credential } = held
  if (renewal === null) return held
  return holdGeneration(generation, {
    kind: credential.kind,
    source: credential.source,
    signIn: renewal.signIn,
    borrowed: renewal.borrowed,
    needsNoRefreshToken: renewal.generation.refreshToken === null,
  })
}

/** May one take the other's place? Accounts that are unknown cannot be told apart. */
export function sameAccount(a: string | null, b: string | null): boolean {
  return a === null || b === null || a === b
}
