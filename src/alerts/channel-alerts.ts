import { MINUTE, SECOND, type Clock, type Timer } from '../support/clock.ts'
import { redact } from '../support/text/redact.ts'
import type { Alerter } from './alerter.ts'

/** Longer than a platform's hiccups and the overlap of two processes at a restart. */
const DOWN_AFTER_MS = 2 * MINUTE
const CHECK_EVERY_MS = 15 * SECOND

/** A channel's own report. */
export interface ChannelState {
  readonly channel: string
  readonly state: string
  readonly problem: string | null
  /** Epoch milliseconds since when it is in this state. */
  readonly since: number
}

export interface ChannelAlertOptions {
  readonly channels: () => readonly ChannelState[]
  readonly alerter: Pick<Alerter, 'send'>
  readonly host: string
  readonly clock: Clock
  readonly onProblem: (error: unknown) => void
}

/** Alerts the operator once when a platform stops delivering messages, and when it recovers. */
export class ChannelAlerts {
  readonly #options: ChannelAlertOptions
  /** Since when each channel has been down, and whether the operator was alerted. */
  readonly #down = new Map<string, { readonly since: number; alerted: boolean }>()
  #timer: Timer | null = null

  constructor(options: ChannelAlertOptions) {
    this.#options = options
  }

  start(): void {
    this.#timer = this.#options.clock.setTimer(() => {
      this.#check()
      this.start()
    }, CHECK_EVERY_MS)
  }

  stop(): void {
    this.#timer?.cancel()
  }

  #check(): void {
    const { channels, host, clock } = this.#options
    const now = clock.now()
    for (const { channel, state, problem, since } of channels()) {
      const known = this.#down.get(channel)
      if (state !== 'retrying' && state !== 'failed') {
        this.#down.delete(channel)
        if (known?.alerted) this.#send(`${channel} on ${host} is receiving messages again.`)
        continue
      }
      // It may alternate between the two states; what counts is since when nothing arrives.
      const down = known ?? { since, alerted: false }
      this.#down.set(channel, down)
      if (down.alerted || now - down.since < DOWN_AFTER_MS) continue
      down.alerted = true
      const why = problem === null ? '' : `: ${redact(problem)}`
      this.#send(
        `${channel} on ${host} is not receiving messages${why}. No message is lost; retrying automatically.`,
      )
    }
  }

  #send(text: string): void {
    this.#options.alerter.send({ event: 'warning', text, incident: null }).catch(this.#options.onProblem)
  }
}
