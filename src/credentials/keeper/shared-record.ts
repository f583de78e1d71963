import { REMEMBERED_FINGERPRINTS, type KeeperRecord } from './record.ts'

/** What several keepers remember together, on one sign-in that all of them use. Pure. */

/**
 * `mine` after others have written `theirs`. What a state hangs on stays as this keeper
 * made it: its failures, and what it knows of the active token, which a result from
 * elsewhere must not take away without the event that says so.
 *
 * @param active the fingerprint of the active token
 */
export function withNews(mine: KeeperRecord, theirs: KeeperRecord, active: string | null): KeeperRecord {
  const others = (list: readonly string[]) => list.filter((fingerprint) => fingerprint !== active)
  return {
    ...mine,
    rejected: union(mine.rejected, others(theirs.rejected)),
    superseded: union(mine.superseded, others(theirs.superseded)),
    unrenewableTold: union(mine.unrenewableTold, theirs.unrenewableTold),
    loginWarned: theirs.loginWarned ?? mine.loginWarned,
    // One refresh after a rejection, whichever process asks for it.
    refreshedAfterRejection: theirs.refreshedAfterRejection,
    renewed: theirs.renewed,
    accepted: theirs.accepted,
    lastRefresh: later(mine.lastRefresh, theirs.lastRefresh),
  }
}

/** `stored` with what a keeper has changed since it last read or wrote, from `base` to `mine`. */
export function withChanges(base: KeeperRecord, mine: KeeperRecord, stored: KeeperRecord): KeeperRecord {
  const merged: Record<string, unknown> = { ...stored }
  for (const key of Object.keys(mine) as Array<keyof KeeperRecord>) {
    const [before, after] = [base[key], mine[key]]
    if (JSON.stringify(before) === JSON.stringify(after)) continue
    merged[key] = isList(before) && isList(after) ? changedList(before, after, stored[key]) : after
  }
  return merged as unknown as KeeperRecord
}

function changedList(
  before: readonly string[],
  after: readonly string[],
  stored: unknown,
): readonly string[] {
  const kept = (isList(stored) ? stored : []).filter((each) => after.includes(each) || !before.includes(each))
  return union(
    kept,
    after.filter((each) => !before.includes(each)),
  )
}

function union(list: readonly string[], more: readonly string[]): readonly string[] {
  const fresh = more.filter((each) => !list.includes(each))
  return fresh.length === 0 ? list : [...list, ...fresh].slice(-REMEMBERED_FINGERPRINTS)
}

function isList(value: unknown): value is readonly string[] {
  return Array.isArray(value)
}

function later(a: KeeperRecord['lastRefresh'], b: KeeperRecord['lastRefresh']): KeeperRecord['lastRefresh'] {
  if (a === null || b === null) return a ?? b
  return b.at > a.at ? b : a
}
