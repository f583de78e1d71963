import { fillText, type Texts } from '../../config/texts.ts'
import { DAY, HOUR, MINUTE, SECOND, isoTime } from '../../support/clock.ts'
import { Emitter } from '../../support/emitter.ts'
import type { Outage } from '../arrival.ts'

/** Can messages be answered now? Read by the dispatcher before every lease, and by health checks. */
export type GateState =
  | { readonly open: true }
  | {
      readonly open: false
      /** Identifies the outage: the same from its start to its end, also across restarts where it is stored. */
      readonly id: string
      /** As `/readyz` prints it: a credential state, `usage-limited` or `provider-unavailable`. */
      readonly status: string
      readonly reason: string | null
      readonly since: number
      /** When the next automatic retry is due, or the current one began; null = only an event will open it. */
      readonly until: number | null
      /** From when on people are notified that they wait; a short wait ends before. */
      readonly tellAt: number
      /** The notice's text for a conversation that has to wait. */
      readonly notice: string
      /** One conversation may proceed, to find out whether the outage has ended. */
      readonly probing: boolean
      /**
       * Too few requests have failed to tell their own failure from the provider's: the failed ones wait, and every
       * other conversation may proceed. Then `probing` is true as well.
       */
      readonly suspected?: boolean
    }

export interface Gate {
  current(): GateState
  /** Since when (epoch milliseconds) requests, let through, have waited for a refresh; null = none waits. */
  readonly refreshingSince?: number | null
  /** Calls `listener` after each change. */
  subscribe(listener: (state: GateState) => void): Disposable
}

/** May every conversation proceed that has not failed itself? */
export function admitsAll(state: GateState): boolean {
  return state.open || state.suspected === true
}

/** Were messages held in this state, at `now`, that had not failed? Under suspicion only once people are notified. */
export function heldOthers(state: GateState, now: number): boolean {
  return !state.open && (!state.suspected || state.tellAt <= now)
}

/** The outage as the inbox must know it at `now`; null while messages can be answered. */
export function outageOf(state: GateState, now: number): Outage | null {
  if (state.open) return null
  return {
    id: state.id,
    reason: state.reason ?? state.status,
    notice: noticeAt(state, now) <= now ? state.notice : null,
  }
}

/**
 * Open only while every gate is open. A gate that is fully shut takes precedence over one that allows a
 * probe: a probe must pass all of them, or it proves nothing.
 */
export class CombinedGate implements Gate {
  readonly #gates: readonly Gate[]

  constructor(gates: readonly Gate[]) {
    this.#gates = gates
  }

  current(): GateState {
    const closed = this.#gates.map((gate) => gate.current()).filter((state) => !state.open)
    return closed.find((state) => !state.probing) ?? closed[0] ?? { open: true }
  }

  get refreshingSince(): number | null {
    return this.#gates.find((gate) => gate.refreshingSince)?.refreshingSince ?? null
  }

  subscribe(listener: (state: GateState) => void): Disposable {
    const subscriptions = this.#gates.map((gate) => gate.subscribe(() => listener(this.current())))
    return {
      [Symbol.dispose]: () => {
        for (const subscription of subscriptions) subscription[Symbol.dispose]()
      },
    }
  }
}

/** Holds the state of a gate and emits its changes; its owner decides the state. */
export class SwitchGate implements Gate {
  #state: GateState = { open: true }
  readonly #changes: Emitter<GateState>

  /** @param onProblem is given what a listener throws */
  constructor(onProblem: (error: unknown) => void) {
    this.#changes = new Emitter(onProblem)
  }

  current(): GateState {
    return this.#state
  }

  set(state: GateState): void {
    if (this.#state.open && state.open) return
    this.#state = state
    this.#changes.emit(state)
  }

  subscribe(listener: (state: GateState) => void): Disposable {
    return this.#changes.subscribe(listener)
  }
}

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
  const time = `${isoTime(at).slice(11, 16)} UTC`
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
