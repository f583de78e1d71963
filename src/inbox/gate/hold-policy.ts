import { fillText, type Texts } from '../../config/texts.ts'
import { DAY, HOUR, MINUTE, SECOND } from '../../support/clock.ts'

/**
 * What waiting people are told, and when. Pure: every function takes the time as
 * an argument. All times are epoch milliseconds, all texts are in UTC, for the gateway
 * does not know where its readers live.
 */

/** A wait that ends before this is not worth a message: a short `Retry-After`, an overload. */
export const QUIET_WAIT_MS = 30 * SECOND

/** An answer later than this says which message it answers. */
const LATE_AFTER_MS = 2 * MINUTE

/** Day names are only clear within the week before. */
const NAMED_DAYS_MS = 6 * DAY

/**
 * From when on people are notified that they wait.
 *
 * @param since when the outage began
 * @param until when it ends, as far as known; null = unknown, so that only time can tell
 */
export function tellAt(since: number, now: number, until: number | null): number {
  return until !== null && until - now >= QUIET_WAIT_MS ? now : since + QUIET_WAIT_MS
}

/** A try that begins within this is waited for before anybody is notified. */
const TRY_SOON_MS = 5 * SECOND
/** By then a try has shown whether it succeeds: the first word of an answer, or the refusal. */
const TRY_TAKES_MS = 10 * SECOND

/**
 * When people are notified: as soon as it is due, unless a try is under way, or about to begin, that may
 * make it untrue. Each try is waited for once and for `TRY_TAKES_MS` at most; where no try is planned,
 * because only a person can help, nothing is waited for.
 *
 * @param outage since when it is due, and when the next or the current try begins (null = none is planned)
 */
export function noticeAt(
  { tellAt, until }: { readonly tellAt: number; readonly until: number | null },
  now: number,
): number {
  const due = Math.max(tellAt, now)
  if (until === null) return due
  const shown = until + TRY_TAKES_MS
  return due >= until - TRY_SOON_MS && due < shown ? shown : due
}

/** `(Replying to your message from 2 h ago)` for an answer that comes late; null for one that comes in time. */
export function latePreface(askedAt: number, now: number, texts: Texts): string | null {
  const age = now - askedAt
  return age > LATE_AFTER_MS ? fillText(texts, 'late', { age: spanInWords(age) }) : null
}

/** `5 min`, `2 h`, `3 days`: rounded down, so that it never claims more than was waited. */
export function spanInWords(ms: number): string {
  if (ms < HOUR) return `${Math.max(1, Math.floor(ms / MINUTE))} min`
  if (ms < 2 * DAY) return `${Math.floor(ms / HOUR)} h`
  return `${Math.floor(ms / DAY)} days`
}

/** `Friday` within the last week, `13 November` before that. */
export function dayInWords(at: number, now: number): string {
  return now - at <= NAMED_DAYS_MS ? weekday(at) : date(at)
}

/** `15:00 UTC` today, `Friday 15:00 UTC` within a week, `13 November 15:00 UTC` beyond. */
export function timeInWords(at: number, now: number): string {
  const time = `${new Date(at).toISOString().slice(11, 16)} UTC`
  if (Math.floor(at / DAY) === Math.floor(now / DAY)) return time
  return `${at - now <= NAMED_DAYS_MS ? weekday(at) : date(at)} ${time}`
}

// Hand-written: creating the first `Intl` formatter takes about half as long as a whole start.
const WEEKDAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday']
const MONTHS = 'January February March April May June July August September October November December'.split(
  ' ',
)

function weekday(at: number): string {
  return WEEKDAYS[new Date(at).getUTCDay()]!
}

function date(at: number): string {
  const day = new Date(at)
  return `${day.getUTCDate()} ${MONTHS[day.getUTCMonth()]}`
}

/** The sentence for a message that waited longer than the hold allows. */
export function tooOldNotice(askedAt: number, now: number, texts: Texts): string {
  return fillText(texts, 'too_old', { day: dayInWords(askedAt, now) })
}

/** Between the preface, which only the reader sees, and the answer. */
const GAP = '\n\n'

/** An answer as its reader sees it, in drafts and in its final form: the preface, if any, and the text. */
export function withPreface(preface: string | null, text: string): string {
  return preface === null || preface === '' ? text : preface + GAP + text
}
