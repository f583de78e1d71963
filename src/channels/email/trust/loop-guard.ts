import { HOUR } from '../../../support/clock.ts'
import { remember } from '../../../support/remember.ts'

/** Correspondents remembered; the one who was silent longest is forgotten first. */
const MAX_CORRESPONDENTS = 10_000

export type GuardVerdict = 'pass' | 'last' | 'mute'

/**
 * Stops loops that no header reveals: a sender of more than `perHour` mails within an hour gets one
 * notice, and then no answer until an hour with fewer mails has passed. A program that
 * only answers falls silent with us. Counted by the mails' own times of arrival, so that a morning's
 * catching-up is no flood.
 */
export class LoopGuard {
  readonly #perHour: number
  readonly #correspondents = new Map<string, Correspondent>()

  constructor(perHour: number) {
    this.#perHour = perHour
  }

  /**
   * @param id the mail's id: reading it once more counts nothing
   * @param at when it arrived, in epoch milliseconds
   */
  check(from: string, id: string, at: number): GuardVerdict {
    const { mails, told } = this.#correspondents.get(from) ?? { mails: new Map<string, Mail>(), told: false }
    const known = mails.get(id)
    if (known) return known.result
    const recent = new Map([...mails].filter(([, mail]) => at - mail.at < HOUR))
    const over = recent.size >= this.#perHour
    const result: GuardVerdict = !over ? 'pass' : told ? 'mute' : 'last'
    // Those that are muted count, too: a flood is over when it has ended, not when it has lasted.
    if (recent.size > this.#perHour) recent.delete(recent.keys().next().value!)
    recent.set(id, { at, result })
    remember(this.#correspondents, from, { mails: recent, told: over }, MAX_CORRESPONDENTS)
    return result
  }
}

interface Mail {
  readonly at: number
  readonly result: GuardVerdict
}

interface Correspondent {
  /** Of the last hour, by id, oldest first. */
  readonly mails: ReadonlyMap<string, Mail>
  /** The notice was sent. */
  readonly told: boolean
}
