import type { CredentialReason } from '../support/errors.ts'
import type { Secret } from '../support/secret.ts'

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
  /** The account it belongs to, where known: adoption never crosses accounts. */
  readonly accountId: string | null
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
