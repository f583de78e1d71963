import { sameAccount, type Held } from '../held.ts'
import { remember, type KeeperRecord } from './record.ts'
import type { TokenInHand } from './token-in-hand.ts'

/** What the keeper's memory says about a credential. Pure. */

/** Can requests be sent with it again, now or after a refresh? */
export function isAlive(record: KeeperRecord, held: Held, now: number): boolean {
  const { fingerprint, expiresAt } = held.credential
  const tokenIsDead = record.rejected.includes(fingerprint) || (expiresAt !== null && expiresAt <= now)
  if (!tokenIsDead) return true
  return held.renewal !== null && record.ended?.fingerprint !== fingerprint
}

/**
 * May a rejection of this token cause a refresh? Once, until a request is accepted:
 * a provider that rejects what it has just issued would otherwise be asked for ever,
 * by every process and after every restart.
 */
export function mayRefreshAfterRejection(record: KeeperRecord, token: TokenInHand): boolean {
  const { fingerprint } = token.held.credential
  if (record.accepted === fingerprint) return true
  const { refreshedAfterRejection: former } = record
  // Its own refresh may have failed, or be under way in another process.
  if (former !== null && former !== fingerprint) return false
  return !(record.renewed === fingerprint && token.isFresh)
}

/**
 * Did a person sign in anew, rather than a program refresh what was there? In doubt not:
 * what counts refreshes must not be set back by the refreshes of another process.
 */
function isNewSignIn(record: KeeperRecord, before: Held, after: Held): boolean {
  if (before.renewal === null || after.renewal === null) return true
  if (before.credential.source !== after.credential.source) return true
  if (!sameAccount(before.credential.accountId, after.credential.accountId)) return true
  return record.ended?.fingerprint === before.credential.fingerprint
}

/** What changes in the record when `after` takes the place of `before`. */
export function recordOfChange(
  record: KeeperRecord,
  before: Held | null,
  after: Held,
): Partial<KeeperRecord> {
  const { fingerprint } = after.credential
  const replaced =
    before !== null &&
    before.renewal !== null &&
    before.credential.fingerprint !== '' &&
    before.credential.fingerprint !== fingerprint &&
    before.credential.source === after.credential.source
  return {
    superseded: replaced ? remember(record.superseded, before.credential.fingerprint) : record.superseded,
    ...(record.generation === fingerprint
      ? {}
      : {
          generation: fingerprint,
          failure: null,
          ended: record.ended?.fingerprint === fingerprint ? record.ended : null,
        }),
    // What a former process remembers of the same sign-in is kept over a restart.
    ...(before !== null && isNewSignIn(record, before, after)
      ? { refreshedAfterRejection: null, consecutive401: 0, probe: null, forbidden: null }
      : {}),
  }
}
