import type { Clock } from '../../support/clock.ts'
import { holdsSignInSecret } from '../../support/text/token-shape.ts'
import { PersonRate } from './person-rate.ts'

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
