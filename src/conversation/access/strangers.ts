import { randomBytes } from 'node:crypto'
import { fillText, type Texts } from '../../config/texts.ts'
import { type Clock, SECOND } from '../../support/clock.ts'
import { holdsSignInSecret } from '../../support/text/token-shape.ts'
import type { Person } from '../receiver.ts'
import { PersonRate } from './access.ts'
import { decidePairing, pairingCode } from './pairing-policy.ts'
import type { Pairings } from './pairing.ts'

/** Questions to the store about single people within one second; after that, all who were approved are read at once. */
const SINGLE_QUESTIONS = 50

/**
 * Codes of one channel in a minute. However many strangers hold one, the next one gets one; in a flood
 * of them the replies do not delay the answers to others.
 */
const CODES_A_MINUTE = 20

/** People without access: how they get it, and what they may cost until then. Nobody else waits for them. */
export class Strangers {
  readonly #pairings: Pairings
  readonly #texts: Texts
  readonly #clock: Clock
  readonly rate: StrangerRate
  /** By channel. */
  readonly #codes = new PersonRate(CODES_A_MINUTE)
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
    const newCode = pairingCode(randomBytes(8))
    const pending = decidePairing({ channel, person, now, before, newCode })
    if (!pending || this.#codes.consume(channel, this.#clock.monotonic()) !== 'pass') return null
    await this.#pairings.save(pending)
    return fillText(this.#texts, 'pairing_code', { channel, code: pending.code })
  }
}

/** Who asks for access, or talks with others where the bot is, writes less than this. */
const PER_STRANGER_A_MINUTE = 10
/** However many strangers there are, what they write costs a channel no more than this. */
const PER_CHANNEL_A_MINUTE = 300
/** What somebody pastes begins with its secret; the rest of a longer text is not worth the time. */
const CHECKED = 8 * 1024

/** How much is checked of what people have written who have no access, or do not mean the bot. */
export class StrangerRate {
  readonly #clock: Clock
  readonly #perStranger = new PersonRate(PER_STRANGER_A_MINUTE)
  readonly #perChannel = new PersonRate(PER_CHANNEL_A_MINUTE)

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** May what this person has written be checked? Counts it. */
  admit(channel: string, personId: string): boolean {
    const now = this.#clock.monotonic()
    return (
      this.#perStranger.consume(`${channel}:${personId}`, now) === 'pass' &&
      this.#perChannel.consume(channel, now) === 'pass'
    )
  }

  /** Is it a secret beyond doubt? To be asked of what was admitted alone. */
  holdsSecret(text: string): boolean {
    return holdsSignInSecret(text.slice(0, CHECKED))
  }
}
