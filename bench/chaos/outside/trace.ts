import type { GatewayProcess } from '../../../test/support/processes/gateway-process.ts'
import { HONEST } from './strikes.ts'

/** A step of a message on its way, as `Date.now()`. */
interface Step {
  readonly at: number
  readonly what: string
}

/** The last step of all. */
export const SEEN = 'answer seen'
/** The longest waits that are told step by step. */
const TOLD = 5

/**
 * Where honest messages are, and when: what passes a door, what the gateway has stored, and when each was said and
 * seen. Mail passes no door, so that its way begins where it is stored. Odd answers on which a message waits, though
 * they do not hold it, are told with it.
 */
export class Trace {
  readonly #steps = new Map<string, Step[]>()
  readonly #strikes: Step[] = []

  /** Notes the step for every honest message that `content` holds. */
  note(what: string, content: string, at = Date.now()): void {
    if (what.endsWith(')')) this.#strikes.push({ at, what })
    for (const [text] of content.matchAll(EVERY_HONEST)) {
      const steps = this.#steps.get(text) ?? []
      this.#steps.set(text, steps)
      // What is asked later holds it as history.
      if (!steps.some((step) => step.what === SEEN || step.what === what)) steps.push({ at, what })
    }
  }

  /** Adds what the gateway knows, and tells the ways of the longest waits. */
  report(gateway: GatewayProcess): string[] {
    for (const { text, role, state, at } of gateway.stored()) {
      const found = HONEST.exec(text)?.[0]
      if (found) this.#steps.get(found)?.push({ at, what: `stored as ${role} ${state}` })
    }
    return [...this.#steps]
      .map(([text, steps]) => ({ text, steps: steps.toSorted((one, other) => one.at - other.at) }))
      .toSorted((one, other) => lengthOf(other.steps) - lengthOf(one.steps))
      .slice(0, TOLD)
      .map(({ text, steps: own }) => {
        const begun = own[0]!.at
        const steps = [...own, ...this.#strikesFor(text, begun, own.at(-1)!.at)].toSorted(
          (one, other) => one.at - other.at,
        )
        const told = steps.map(({ at, what }) => `${((at - begun) / 1_000).toFixed(1)} ${what}`)
        return `${text} at ${new Date(begun).toISOString()}: ${told.join(', ')}`
      })
  }

  /** Odd answers to the message's channel when it looked for messages, and to renewals of the sign-in. */
  #strikesFor(text: string, from: number, to: number): readonly Step[] {
    const [, channel] = /^honest (\S+)/.exec(text)!
    const calls = [RENEWAL, ...READS.filter((call) => call.startsWith(`${channel} `))]
    const concerns = (what: string) => calls.some((call) => what.startsWith(`${call} `))
    return this.#strikes.filter(({ at, what }) => at > from && at < to && concerns(what))
  }
}

/** How channels ask for messages. */
const READS = ['telegram asks getUpdates', 'matrix asks sync', 'matrix asks messages']

const RENEWAL = 'provider asks token'

const EVERY_HONEST = new RegExp(HONEST, 'g')

function lengthOf(steps: readonly Step[]): number {
  return steps.at(-1)!.at - steps[0]!.at
}
