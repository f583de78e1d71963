import { fillText, type Texts } from '../config/texts.ts'
import type { ModelSettings } from '../conversation/model-settings.ts'
import { isoTime, type Clock } from '../support/clock.ts'
import type { Alerter } from './alerter.ts'
import { eventTable } from './event-table.ts'

export interface ModelAlertOptions {
  readonly alerter: Pick<Alerter, 'send'>
  readonly settings: Pick<ModelSettings, 'configured' | 'models'>
  /** Calls its listener after each new list of models. */
  readonly list: { subscribe(listener: () => void): Disposable }
  /** What the operator was alerted of, kept across restarts. */
  readonly facts: { get(key: string): Promise<string | null>; set(key: string, value: string): Promise<void> }
  readonly texts: Texts
  readonly clock: Clock
  readonly onProblem: (error: unknown) => void
}

/** Followed by the model; the value is the day of its retirement. */
const NOTIFIED_FACT = 'alerts.model-retiring:'

/** Alerts that a configured model retires soon: once a model and date. */
export class ModelAlerts {
  readonly #options: ModelAlertOptions
  #watch: Disposable | null = null
  #checking: Promise<void> = Promise.resolve()

  constructor(options: ModelAlertOptions) {
    this.#options = options
  }

  start(): void {
    this.#watch = this.#options.list.subscribe(() => this.#checkNext())
    this.#checkNext()
  }

  async stop(): Promise<void> {
    this.#watch?.[Symbol.dispose]()
    await this.#checking
  }

  #checkNext(): void {
    this.#checking = this.#checking.then(() => this.#check()).catch(this.#options.onProblem)
  }

  async #check(): Promise<void> {
    const { settings, facts, texts, clock, alerter } = this.#options
    for (const model of settings.configured()) {
      const retiresAt = settings.models.find(model)?.retiresAt ?? null
      const consequence = eventTable.modelRetirement(retiresAt, clock.now())
      if (consequence.kind !== 'alert') continue
      const date = isoTime(retiresAt!).slice(0, DATE_LENGTH)
      if ((await facts.get(NOTIFIED_FACT + model)) === date) continue
      const text = fillText(texts, 'alert_model_retiring', { model, date })
      await facts.set(NOTIFIED_FACT + model, date)
      await alerter.send({ event: consequence.event, text, incident: null })
    }
  }
}

/** `2027-01-22` */
const DATE_LENGTH = 10
