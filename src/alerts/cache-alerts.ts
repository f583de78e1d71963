import { fillText, type Texts } from '../config/texts.ts'
import { HOUR, type Clock } from '../support/clock.ts'
import type { CacheChange } from '../usage/cache-trouble.ts'
import type { Alerter } from './alerter.ts'
import { eventTable } from './event-table.ts'

export interface CacheAlertOptions {
  readonly alerter: Pick<Alerter, 'send'>
  readonly record: { subscribe(listener: (change: CacheChange) => void): Disposable }
  /** When the operators were alerted last, kept across restarts and for all gateways on the same store. */
  readonly facts: { get(key: string): Promise<string | null>; set(key: string, value: string): Promise<void> }
  readonly texts: Texts
  readonly clock: Clock
  readonly onProblem: (error: unknown) => void
}

/** In epoch milliseconds; empty = it has ended. */
const NOTIFIED_FACT = 'alerts.cache-misses'
/** Several gateways find the same cause, and one that restarts finds it again: one alert for all of them. */
const ALERT_INTERVAL_MS = 24 * HOUR

/** What a reason means, for operators. */
const REASONS: Readonly<Record<string, string>> = {
  model_changed: 'the provider says that the model has changed',
  system_changed: 'the provider says that the system prompt has changed',
  tools_changed: 'the provider says that the tools have changed',
  messages_changed: 'the provider says that earlier messages have changed',
  'not-kept': 'nothing of the prompts is kept',
}
const NO_REASON = 'the provider names no reason'

/** Alerts that the prompt cache is not used as it could be, and that it is again. */
export class CacheAlerts {
  readonly #options: CacheAlertOptions
  #watch: Disposable | null = null
  #sending: Promise<void> = Promise.resolve()

  constructor(options: CacheAlertOptions) {
    this.#options = options
  }

  start(): void {
    const { record, onProblem } = this.#options
    this.#watch = record.subscribe((change) => {
      this.#sending = this.#sending.then(() => this.#alert(change)).catch(onProblem)
    })
  }

  async stop(): Promise<void> {
    this.#watch?.[Symbol.dispose]()
    await this.#sending
  }

  async #alert(change: CacheChange): Promise<void> {
    const { alerter, facts, texts, clock } = this.#options
    const consequence = eventTable.cacheUse(change)
    if (consequence.kind !== 'alert') return
    const { event } = consequence
    const notified = await facts.get(NOTIFIED_FACT)
    if (change.kind === 'over') {
      // Another gateway has said so already.
      if (!notified) return
      await facts.set(NOTIFIED_FACT, '')
      await alerter.send({ event, text: fillText(texts, 'alert_cache_used_again'), incident: null })
      return
    }
    if (notified && clock.now() - Number(notified) < ALERT_INTERVAL_MS) return
    await facts.set(NOTIFIED_FACT, String(clock.now()))
    const text = fillText(texts, 'alert_cache_misses', {
      reason: REASONS[change.reason] ?? NO_REASON,
      share: Math.round(change.readShare * 100),
    })
    await alerter.send({ event, text, incident: null })
  }
}
