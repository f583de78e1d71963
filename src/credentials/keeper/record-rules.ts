import { sameAccount, type ManagedCredential } from '../managed-credential.ts'
import type { EndedSignIn, KeeperRecord } from './record.ts'
import type { TokenClock } from './token-clock.ts'

/** What the keeper's memory says about a credential, and what it keeps. Pure. */

/** Fingerprints that are remembered; a sign-in makes three or four a day, so this is about a month. */
export const REMEMBERED_FINGERPRINTS = 128

/** `list` with `fingerprint` as its newest entry. */
export function remember(list: readonly string[], fingerprint: string): readonly string[] {
  if (list.at(-1) === fingerprint) return list
  return [...list.filter((known) => known !== fingerprint), fingerprint].slice(-REMEMBERED_FINGERPRINTS)
}

export function forget(list: readonly string[], fingerprint: string): readonly string[] {
  return list.includes(fingerprint) ? list.filter((known) => known !== fingerprint) : list
}

/** Would a request with this token be accepted, by all that is known? */
export function isTokenGood({ rejected }: KeeperRecord, token: TokenClock): boolean {
  return !token.isOver && !rejected.includes(token.credential.fingerprint)
}

/** Is the grant behind this generation proven dead? */
export function hasEnded(
  record: KeeperRecord,
  fingerprint: string,
): record is KeeperRecord & { readonly ended: EndedSignIn } {
  return record.ended?.fingerprint === fingerprint
}

/** Can requests be sent with it again, now or after a refresh? */
export function isAlive(record: KeeperRecord, credential: ManagedCredential, now: number): boolean {
  const { fingerprint, expiresAt } = credential
  const tokenIsDead = record.rejected.includes(fingerprint) || (expiresAt !== null && expiresAt <= now)
  return !tokenIsDead || (credential.refreshSource !== null && !hasEnded(record, fingerprint))
}

/**
 * May a rejection of this token cause a refresh? Once, until a request is accepted:
 * a provider that rejects what it has just issued would otherwise be asked forever,
 * by every process and after every restart.
 */
export function mayRefreshAfterRejection(record: KeeperRecord, token: TokenClock): boolean {
  const { fingerprint } = token.credential
  if (record.accepted === fingerprint) return true
  const { refreshedAfterRejection: former } = record
  // Its own refresh may have failed, or be under way in another process.
  if (former !== null && former !== fingerprint) return false
  return !(record.renewed === fingerprint && token.isFresh)
}

/**
 * Did a person sign in again, rather than a program refresh what was there? In doubt not:
 * what counts refreshes must not be set back by the refreshes of another process.
 */
function isNewSignIn(record: KeeperRecord, before: ManagedCredential, after: ManagedCredential): boolean {
  if (before.refreshSource === null || after.refreshSource === null) return true
  if (before.source !== after.source || !sameAccount(before.accountId, after.accountId)) return true
  return hasEnded(record, before.fingerprint)
}

/** Did the owner of Claude Code's file sign another account in? */
export function isAccountChange(before: ManagedCredential, after: ManagedCredential): boolean {
  if (before.source !== 'claude-code' || after.source !== 'claude-code') return false
  return !sameAccount(before.accountId, after.accountId)
}

/** What changes in the record when `after` takes the place of `before`. */
export function recordOfChange(
  record: KeeperRecord,
  before: ManagedCredential | null,
  after: ManagedCredential,
): Partial<KeeperRecord> {
  const { fingerprint } = after
  const replaced =
    before !== null &&
    before.refreshSource !== null &&
    before.fingerprint !== '' &&
    before.fingerprint !== fingerprint &&
    before.source === after.source &&
    // Another account's sign-in is no newer generation: its owner may come back to the first one.
    !isAccountChange(before, after)
  return {
    superseded: replaced ? remember(record.superseded, before.fingerprint) : record.superseded,
    ...(record.generation === fingerprint
      ? {}
      : {
          generation: fingerprint,
          failure: null,
          ended: hasEnded(record, fingerprint) ? record.ended : null,
        }),
    // What a former process remembers of the same sign-in is kept over a restart.
    ...(before !== null && isNewSignIn(record, before, after)
      ? { refreshedAfterRejection: null, consecutive401: 0, probe: null, forbidden: null }
      : {}),
  }
}
