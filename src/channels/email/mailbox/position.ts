import { DAY, MINUTE } from '../../../support/clock.ts'

/** How far a folder was read. */
export interface Position {
  /** Under another one the UIDs start again. @see RFC 9051 §2.3.1.1 */
  readonly uidValidity: string
  /** Everything up to here was seen. */
  readonly uid: number
}

/** What the server says of the folder. */
interface Folder {
  readonly uidValidity: bigint
  readonly uidNext?: number
}

/** Which mails are to be read although no UID tells: those that arrived since then. Epoch milliseconds. */
export interface Window {
  readonly since: number
  /** A mail that was written before cannot be new, whatever the server says of its arrival; null = no such limit. */
  readonly writtenSince: number | null
}

/** Clocks differ, and a person who sets a gateway up sends the first mail while it starts. */
const FIRST_LOOK_BACK_MS = 2 * MINUTE
/** A mail may have lain at another server before it reached this one, whose time of arrival counts. */
const RECOUNT_LOOK_BACK_MS = 2 * DAY
/** Servers try to deliver for five days (RFC 5321 §4.5.4.1); a folder moved to another server may seem to have arrived today. */
const LONGEST_DELIVERY_MS = 7 * DAY

export function formatPosition({ uidValidity, uid }: Position): string {
  return `${uidValidity}:${uid}`
}

/** Null: nothing was stored yet, or nothing that can be read. */
export function parsePosition(text: string | null): Position | null {
  const match = /^(\d{1,20}):(\d{1,10})$/.exec(text ?? '')
  return match ? { uidValidity: match[1]!, uid: Number(match[2]) } : null
}

/**
 * The time from which a folder has to be read again; null = the position is good.
 *
 * The very first start reads nothing older than itself. Where the UIDs start again, or run backwards
 * because the folder was restored, whatever came since shortly before the last stored mail is read
 * once more; what is known already is recognised by its Message-ID.
 *
 * @param times.begun when the gateway first saw this mailbox
 * @param times.seenAt when a mail was stored last; 0 = never
 */
export function windowOf(
  position: Position | null,
  folder: Folder,
  times: { readonly begun: number; readonly seenAt: number },
): Window | null {
  const first = times.begun - FIRST_LOOK_BACK_MS
  if (!position) return { since: first, writtenSince: null }
  const same = position.uidValidity === String(folder.uidValidity)
  const backwards = folder.uidNext !== undefined && folder.uidNext <= position.uid
  if (same && !backwards) return null
  const since = Math.max(first, times.seenAt - RECOUNT_LOOK_BACK_MS)
  return { since, writtenSince: since - LONGEST_DELIVERY_MS }
}

/** The position once a whole folder was looked through. */
export function positionAfter(folder: Folder, uids: readonly number[]): Position {
  const uid = folder.uidNext === undefined ? (uids.at(-1) ?? 0) : folder.uidNext - 1
  return { uidValidity: String(folder.uidValidity), uid: Math.max(0, uid) }
}
