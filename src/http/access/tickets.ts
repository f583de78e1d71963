import { randomBytes } from 'node:crypto'
import { MINUTE } from '../../support/clock.ts'

/** Long enough to get from the terminal to the browser. */
export const TICKET_LIFE_MS = 10 * MINUTE
/** An operator needs one; a script that asks for thousands must not fill the memory. */
const MAX_TICKETS = 64
/** 256 bits: infeasible to guess. */
const TICKET_BYTES = 32

/** One-use tickets in the fragment of a printed address. In memory only. */
export class Tickets {
  /** Ticket → expiry, in order of issue. */
  readonly #open = new Map<string, number>()

  issue(now: number): string {
    this.#forgetOld(now)
    if (this.#open.size >= MAX_TICKETS) this.#open.delete(this.#open.keys().next().value!)
    const ticket = randomBytes(TICKET_BYTES).toString('base64url')
    this.#open.set(ticket, now + TICKET_LIFE_MS)
    return ticket
  }

  /** True once for each ticket, before it expires. */
  redeem(ticket: string, now: number): boolean {
    this.#forgetOld(now)
    // Looking up a random key of full length leaks nothing by its timing.
    return this.#open.delete(ticket)
  }

  #forgetOld(now: number): void {
    for (const [ticket, end] of this.#open) {
      if (end > now) return
      this.#open.delete(ticket)
    }
  }
}
