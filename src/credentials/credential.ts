import type { CredentialReason } from '../support/errors.ts'
import { Secret } from '../support/secret.ts'
import type { Generation, RefreshableSignIn } from './sign-in.ts'

/** Where a credential comes from; the names that `hermes auth sources` prints. */
export type SourceName =
  | 'own'
  | 'environment'
  | 'claude-code'
  | 'refresh-command'
  | 'profile'
  | 'fallback-api-key'

export type CredentialKind = 'api-key' | 'oauth' | 'command' | 'profile'

/** Anything that can be presented to the Messages API. Immutable; compared by `fingerprint`. */
export interface Credential {
  readonly kind: CredentialKind
  readonly source: SourceName
  /** Sent as `x-api-key` for an API key, as `Authorization: Bearer` for all others. */
  readonly secret: Secret
  /** Names the generation: the fingerprint of `secret`. */
  readonly fingerprint: string
  /** Epoch milliseconds; null = unknown or never. */
  readonly expiresAt: number | null
  /** Sent with each request that presents it: the workspace of a profile. */
  readonly headers?: Readonly<Record<string, string>>
  /** Where it is presented, if not at `model.base_url`: the address of its profile. */
  readonly baseUrl?: string
  /** The account it belongs to, where known: adoption never crosses accounts. */
  readonly accountId: string | null
}

/**
 * Whether requests with it are paid by a subscription, not by the token: an account's sign-in, and the token of one
 * that a program prints. A key is billed, and so is the workspace of a profile.
 */
export function isSubscription({ kind }: Pick<Credential, 'kind'>): boolean {
  return kind === 'oauth' || kind === 'command'
}

/** What the Messages API said about a credential that was presented to it. */
export type Rejection =
  /** 401, or 403 "revoked": the recovery steps may help. */
  | { readonly kind: 'rejected' }
  /** More scopes are needed; a refresh cannot give them. */
  | { readonly kind: 'scope' }
  /** The organisation, a policy, billing or the account forbids it; a refresh cannot change that. */
  | {
      readonly kind: 'not-permitted'
      readonly reason: Extract<CredentialReason, 'policy' | 'billing' | 'account'>
    }

/** What a cheap request with a credential showed. */
export type ProbeResult =
  | { readonly kind: 'accepted' }
  | { readonly kind: 'rejected'; readonly rejection: Rejection }
  /** Nothing about the credential: no network, an overload. */
  | { readonly kind: 'unknown' }

export type Probe = (credential: Credential) => Promise<ProbeResult>

/**
 * The door through which every request to the provider gets its credential. The
 * model client asks for each request, tells which generation failed and which was
 * accepted, and keeps none.
 */
export interface CredentialDoor {
  /**
   * The credential to present now. Returns it directly when nobody has to wait (no
   * I/O, no promise), else a promise: in the last minutes of a token's life a
   * request that is really running waits for the refresh, at most 30 s.
   *
   * @throws NeedsLogin | NotPermitted | TransientError when no usable credential is there
   */
  acquire(): Credential | Promise<Credential>

  /**
   * Reports that `used` was rejected, and runs the recovery steps: the current generation
   * if it differs, the sources re-read, one refresh for everybody, the fallback key.
   *
   * @returns a credential to repeat the request with, once
   * @throws NeedsLogin | NotPermitted | TransientError when nothing here can repair it
   */
  rejected(used: Credential, rejection: Rejection): Promise<Credential>

  /** Reports that `used` was accepted (any answer but a rejection). Cheap; called for each request. */
  accepted(used: Credential): void
}

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
  readonly baseUrl?: string | null | undefined
}

/** One generation of a sign-in that lives in a store. */
export function managedCredential(generation: Generation, origin: GenerationOrigin): ManagedCredential {
  const { kind, source, signIn, borrowed, headers, baseUrl } = origin
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
    ...(baseUrl ? { baseUrl } : {}),
    accountId,
    refreshSource: refreshable ? { signIn, generation, borrowed } : null,
    issuedAt,
    loginExpiresAt,
    loginExpiryEstimated,
  }
}

/** `credential` after its sign-in gave another generation. */
export function refreshedCredential(
  { kind, source, headers, baseUrl }: ManagedCredential,
  { signIn, borrowed, generation: { refreshToken } }: RefreshSource,
  generation: Generation,
): ManagedCredential {
  return managedCredential(generation, {
    kind,
    source,
    signIn,
    borrowed,
    headers,
    baseUrl,
    needsNoRefreshToken: refreshToken === null,
  })
}

/** May one take the other's place? Accounts that are unknown cannot be told apart. */
export function sameAccount(a: string | null, b: string | null): boolean {
  return a === null || b === null || a === b
}
