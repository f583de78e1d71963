import { CREDENTIAL_REASONS, type CredentialReason } from '../../support/errors.ts'
import { isObject } from '../../support/files/private-file.ts'
import { sameAccount, type ManagedCredential } from '../credential.ts'
import type { TokenClock } from './token-clock.ts'

/**
 * What must survive a restart so that restarts cannot become a storm: failures and
 * the pauses they earned, tokens that are known to be bad, and what people were told.
 * Holds fingerprints only, never a token.
 */
export interface KeeperRecord {
  /** The generation that `failure` and `probe` belong to. */
  readonly generation: string | null
  readonly failure: RefreshFailure | null
  /** A generation whose grant is proven dead. */
  readonly ended: EndedSignIn | null
  /** A generation that works and may not be used. */
  readonly forbidden: ForbiddenUse | null
  /** How often the provider was asked in vain whether it has changed its mind, and when it is asked next. */
  readonly probe: { readonly attempt: number; readonly at: number } | null
  /** A generation whose refresh was begun and not finished: the process died in between. */
  readonly begun: string | null
  readonly lastRefresh: { readonly at: number; readonly outcome: string } | null
  readonly consecutive401: number
  /** The generation whose rejection caused a refresh; null again when a request was accepted. */
  readonly refreshedAfterRejection: string | null
  /** Fingerprints that the provider rejected: never adopted again. */
  readonly rejected: readonly string[]
  /** Fingerprints that a later generation replaced: never adopted again. */
  readonly superseded: readonly string[]
  /** The generation that was accepted last. */
  readonly accepted: string | null
  /** The generation that our own refresh gave last. */
  readonly renewed: string | null
  /** Tokens whose missing refresh source the operator was notified of. */
  readonly unrenewableTold: readonly string[]
  /** The last warning of the sign-in's end. */
  readonly loginWarned: { readonly loginExpiresAt: number; readonly days: number } | null
}

export interface RefreshFailure {
  readonly reason: CredentialReason
  readonly message: string
  readonly attempt: number
  /** Epoch milliseconds. */
  readonly nextAttemptAt: number
  /** The request may have rotated the token. */
  readonly ambiguous: boolean
}

export interface EndedSignIn {
  readonly fingerprint: string
  readonly reason: CredentialReason
  readonly message: string
}

export interface ForbiddenUse extends EndedSignIn {
  readonly byScope: boolean
}

export const EMPTY_RECORD: KeeperRecord = {
  generation: null,
  failure: null,
  ended: null,
  forbidden: null,
  probe: null,
  begun: null,
  lastRefresh: null,
  consecutive401: 0,
  refreshedAfterRejection: null,
  rejected: [],
  superseded: [],
  accepted: null,
  renewed: null,
  unrenewableTold: [],
  loginWarned: null,
}

/** Where the record lives between two runs. */
export interface KeeperMemory {
  /** null: nothing there, or nothing readable; forgetting costs one request, never a token. */
  load(): Promise<KeeperRecord | null>
  /**
   * @param base the record as this keeper last read or wrote it
   * @throws when it cannot be written; the keeper continues without
   */
  save(record: KeeperRecord, base: KeeperRecord): Promise<void>
  /** Do other processes write it as well? Then `save` only adds what has changed since `base`, and `load` brings news. */
  readonly isShared?: boolean
}

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

type Check = (value: unknown) => boolean

const isText: Check = (value) => typeof value === 'string'
const isNumber: Check = (value) => typeof value === 'number' && Number.isFinite(value)
const isFlag: Check = (value) => typeof value === 'boolean'
const isCount: Check = (value) => Number.isInteger(value) && (value as number) >= 0
const isReason: Check = (value) => CREDENTIAL_REASONS.includes(value as CredentialReason)
const isFingerprints: Check = (value) => Array.isArray(value) && value.every(isText)
const orNull =
  (check: Check): Check =>
  (value) =>
    value === null || check(value)
const shaped =
  (parts: Readonly<Record<string, Check>>): Check =>
  (value) =>
    isObject(value) && Object.entries(parts).every(([key, check]) => check(value[key]))

const ended = { fingerprint: isText, reason: isReason, message: isText }

/** What each part must look like. By hand: a schema library would weigh more than the rest of a start. */
const PARTS: Readonly<Record<keyof KeeperRecord, Check>> = {
  generation: orNull(isText),
  failure: orNull(
    shaped({
      reason: isReason,
      message: isText,
      attempt: isCount,
      nextAttemptAt: isNumber,
      ambiguous: isFlag,
    }),
  ),
  ended: orNull(shaped(ended)),
  forbidden: orNull(shaped({ ...ended, byScope: isFlag })),
  probe: orNull(shaped({ attempt: isCount, at: isNumber })),
  begun: orNull(isText),
  lastRefresh: orNull(shaped({ at: isNumber, outcome: isText })),
  consecutive401: isCount,
  refreshedAfterRejection: orNull(isText),
  rejected: isFingerprints,
  superseded: isFingerprints,
  accepted: orNull(isText),
  renewed: orNull(isText),
  unrenewableTold: isFingerprints,
  loginWarned: orNull(shaped({ loginExpiresAt: isNumber, days: isNumber })),
}

/**
 * Reads what an older or newer program, or a hand, has written: each part stands alone.
 *
 * @returns null where the text is not a record at all
 */
export function parseRecord(text: string): KeeperRecord | null {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return null
  }
  if (!isObject(value)) return null
  const read = value
  const good = Object.entries(PARTS).filter(([key, check]) => key in read && check(read[key]))
  return { ...EMPTY_RECORD, ...Object.fromEntries(good.map(([key]) => [key, read[key]])) }
}
