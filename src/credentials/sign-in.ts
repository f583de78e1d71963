import type { IssuedTokens } from '../oauth/token-endpoint.ts'
import { DAY, MINUTE } from '../support/clock.ts'
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

/** Nothing was spent, and nobody has asked for a wait. */
export function transientFailure(
  reason: CredentialReason,
  message: string,
): Extract<RefreshOutcome, { kind: 'transient' }> {
  return { kind: 'transient', reason, message, retryAfterMs: null, ambiguous: false }
}

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

/**
 * How long a sign-in lasts when nobody says: the shortest life that was seen. A
 * warning some days early costs nothing; one that comes too late costs an outage.
 */
const ESTIMATED_SIGN_IN_LIFE_MS = 27 * DAY

/** Ends that differ by less are the same end: answers count whole seconds from the moment they were written. */
const SAME_END_MS = MINUTE

/** The first generation of a new sign-in. `now` = epoch milliseconds of the answer. */
export function firstGeneration(
  tokens: IssuedTokens,
  requestedScopes: readonly string[],
  now: number,
): Generation {
  const { loginExpiresInMs } = tokens
  return {
    accessToken: tokens.accessToken,
    refreshToken: tokens.refreshToken,
    expiresAt: now + tokens.expiresInMs,
    issuedAt: now,
    loginExpiresAt: now + (loginExpiresInMs ?? ESTIMATED_SIGN_IN_LIFE_MS),
    loginExpiryEstimated: loginExpiresInMs === null,
    scopes: tokens.scopes ?? requestedScopes,
    accountId: tokens.accountId,
    accountEmail: tokens.accountEmail,
  }
}

/** The generation that follows `spent`: what the answer does not say is kept. */
export function nextGeneration(spent: Generation, tokens: IssuedTokens, now: number): Generation {
  return {
    accessToken: tokens.accessToken,
    refreshToken: tokens.refreshToken ?? spent.refreshToken,
    expiresAt: now + tokens.expiresInMs,
    issuedAt: now,
    ...signInEnd(spent, tokens, now),
    scopes: tokens.scopes ?? spent.scopes,
    accountId: spent.accountId ?? tokens.accountId,
    accountEmail: tokens.accountEmail ?? spent.accountEmail,
    ...(spent.clientId === undefined ? {} : { clientId: spent.clientId }),
  }
}

/** Refreshing does not lengthen a sign-in, whatever an answer says: it may only tell an earlier end. */
function signInEnd(
  spent: Generation,
  tokens: IssuedTokens,
  now: number,
): Pick<Generation, 'loginExpiresAt' | 'loginExpiryEstimated'> {
  const said = tokens.loginExpiresInMs === null ? null : now + tokens.loginExpiresInMs
  if (said !== null && (spent.loginExpiresAt === null || said < spent.loginExpiresAt - SAME_END_MS)) {
    return { loginExpiresAt: said, loginExpiryEstimated: false }
  }
  return { loginExpiresAt: spent.loginExpiresAt, loginExpiryEstimated: spent.loginExpiryEstimated }
}

/** Are these the same issued pair? */
function sameGeneration(a: Generation, b: Generation): boolean {
  if (!a.accessToken.equals(b.accessToken)) return false
  if (a.refreshToken === null || b.refreshToken === null) return a.refreshToken === b.refreshToken
  return a.refreshToken.equals(b.refreshToken)
}

/** Does the store still hold exactly `generation`? */
export function stillHolds(stored: StoredSignIn, generation: Generation): boolean {
  return stored.kind === 'present' && sameGeneration(stored.generation, generation)
}

/** Does the store still hold the refresh token of `generation`? What a compare-and-swap asks. */
export function stillHoldsRefreshToken(stored: StoredSignIn, generation: Generation): boolean {
  if (stored.kind !== 'present') return false
  const held = stored.generation.refreshToken
  return held !== null && generation.refreshToken !== null && held.equals(generation.refreshToken)
}

/** Does `next` end later than `last`? Not where either end is unknown. */
export function livesLonger(next: Generation, last: Generation): boolean {
  return next.expiresAt !== null && last.expiresAt !== null && next.expiresAt > last.expiresAt
}
