import type { IssuedTokens } from '../oauth/token-endpoint.ts'
import { DAY, MINUTE } from '../support/clock.ts'
import type { Generation, StoredSignIn } from './sign-in.ts'

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
