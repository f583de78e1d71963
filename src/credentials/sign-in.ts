import type { CredentialReason } from '../support/errors.ts'
import type { Secret } from '../support/secret.ts'

/** One issued pair of a renewable sign-in, with what its store knows about it. Immutable. */
export interface Generation {
  readonly accessToken: Secret
  /** null: cannot be refreshed (a stub, or a setup token). */
  readonly refreshToken: Secret | null
  /** Epoch milliseconds at which the access token ends; null = unknown. */
  readonly expiresAt: number | null
  /** Epoch milliseconds at which this pair was issued; null = unknown (a borrowed one). */
  readonly issuedAt: number | null
  /** Epoch milliseconds at which the sign-in itself ends; null = unknown. */
  readonly loginExpiresAt: number | null
  readonly loginExpiryEstimated: boolean
  readonly scopes: readonly string[]
  readonly accountId: string | null
  readonly accountEmail: string | null
  /** The OAuth client that it was issued to, where the store says so; otherwise the configured one. */
  readonly clientId?: string
}

/** What a store holds right now. */
export type StoredSignIn =
  | { readonly kind: 'present'; readonly generation: Generation }
  | { readonly kind: 'absent' }
  /** Something is there that must not be adopted and must not be overwritten by a refresh. */
  | { readonly kind: 'unusable'; readonly reason: CredentialReason; readonly message: string }

/** How one refresh ended. Exactly one request family was spent, or none. */
export type RefreshOutcome =
  /** A new pair was issued and is stored. */
  | { readonly kind: 'renewed'; readonly generation: Generation }
  /** Somebody else had refreshed, or signed in: their pair, no request made. */
  | { readonly kind: 'adopted'; readonly generation: Generation }
  /** A new pair was issued and could not be stored: it is served from memory, lock and intent are kept, `save` is tried again. */
  | { readonly kind: 'unsaved'; readonly generation: Generation; readonly message: string }
  /** The sign-in was replaced or removed while the request ran: the late result is discarded. */
  | { readonly kind: 'superseded'; readonly stored: StoredSignIn }
  /** The grant is dead; no further request for this generation. */
  | { readonly kind: 'terminal'; readonly reason: CredentialReason; readonly message: string }
  /** To be tried again later. `ambiguous`: the token may have been rotated by the server. */
  | {
      readonly kind: 'transient'
      readonly reason: CredentialReason
      readonly message: string
      readonly retryAfterMs: number | null
      readonly ambiguous: boolean
    }
  /** Another process holds the lock or the spent token's intent: nothing was sent. Read again soon. */
  | { readonly kind: 'busy' }
  /** The store could not take a result, so nothing was sent (read-only, full, wrong owner). */
  | { readonly kind: 'store'; readonly message: string }

export interface RepeatPolicy {
  /**
   * May a refresh token leave again whose last request ended without a definite answer?
   * Not while the access token lives: a repeat can revoke the whole family, and another
   * process may hold the answer. Default: true, once a back-off step.
   */
  readonly mayRepeat?: boolean
}

/**
 * A sign-in that can be refreshed, in whichever file or database it lives. Implemented by the
 * gateway's own store and by Claude Code's; the keeper knows no files.
 */
export interface RefreshableSignIn {
  read(): Promise<StoredSignIn>

  /**
   * Spends the refresh token of `spent` at most once, under the store's own locks:
   * lock, re-read (adopt when changed), intent, room on disk, request, account check,
   * merge, compare-and-swap, unlock.
   *
   * @param signal aborts the wait for the lock; never a request that has left
   */
  refresh(spent: Generation, signal: AbortSignal, policy?: RepeatPolicy): Promise<RefreshOutcome>

  /** Tries to store a result that `refresh` returned as `unsaved`. Resolves to true once it is stored. */
  saveUnsaved(): Promise<boolean>

  /** Calls `listener` when the stored sign-in may have changed (watch, with a poll of at most 4 s as the net). */
  watch(listener: () => void): Disposable
}
