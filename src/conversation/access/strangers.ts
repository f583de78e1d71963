import { randomBytes } from 'node:crypto'
import { fillText, type Texts } from '../../config/texts.ts'
import { SECOND, type Clock } from '../../support/clock.ts'
import type { Person } from '../receiver.ts'
import { decidePairing, pairingCode } from './pairing-policy.ts'
import type { Pairings } from './pairing.ts'
import { StrangerRate } from './stranger-rate.ts'

/** Questions to the store about single people within one second; after that, all who were approved are read at once. */
const SINGLE_QUESTIONS = 50

/** People without access: how they get it, and what they may cost until then. Nobody else waits for them. */
export class Strangers {
  readonly #pairings: Pairings
  readonly #texts: Texts
  readonly #clock: Clock
  readonly rate: StrangerRate
  #second = { since: -Infinity, questions: 0, approved: null as Promise<ReadonlySet<string>> | null }

  constructor({ pairings, texts, clock }: { pairings: Pairings; texts: Texts; clock: Clock }) {
    this.#pairings = pairings
    this.#texts = texts
    this.#clock = clock
    this.rate = new StrangerRate(clock)
  }

  /** Has the operator approved this person? A flood of people asks the store once a second. */
  async isApproved(channel: string, personId: string): Promise<boolean> {
    const now = this.#clock.monotonic()
    if (now - this.#second.since >= SECOND) this.#second = { since: now, questions: 0, approved: null }
    const second = this.#second
    if (++second.questions <= SINGLE_QUESTIONS) return this.#pairings.isApproved(channel, personId)
    second.approved ??= this.#pairings
      .approved()
      .then((people) => new Set(people.map((person) => `${person.channel} ${person.personId}`)))
    return (await second.approved).has(`${channel} ${personId}`)
  }

  /** The reply to somebody unknown in a private chat: a pairing code; null = none. */
  async pairingReply(channel: string, person: Person): Promise<string | null> {
    const now = this.#clock.now()
    const before = await this.#pairings.request(channel, person.id)
    const open = await this.#pairings.pending(now)
    const newCode = pairingCode(randomBytes(8))
    const pending = decidePairing({ channel, person, now, before, open, newCode })
    if (!pending) return null
    await this.#pairings.save(pending)
    return fillText(this.#texts, 'pairing_code', { channel, code: pending.code })
  }
}
