import { fillText, type Texts } from '../config/texts.ts'
import { timeInWords } from '../inbox/gate/gate.ts'
import type { Clock } from '../support/clock.ts'
import type { BudgetWatch } from '../usage/budget-watch.ts'
import { BUDGET_NAMES, type BudgetUse } from '../usage/budget.ts'
import { dollars } from '../usage/cost-in-words.ts'
import type { AlertEvent } from './alert.ts'
import type { Alerter } from './alerter.ts'
import { eventTable } from './event-table.ts'

export interface BudgetAlertOptions {
  readonly alerter: Pick<Alerter, 'send'>
  readonly watch: Pick<BudgetWatch, 'subscribe' | 'uses' | 'unpriced'>
  /** `budgets.alert_at` of the configuration, in percent. */
  readonly thresholds: readonly number[]
  /** What the operator was alerted of, kept across restarts. */
  readonly facts: { get(key: string): Promise<string | null>; set(key: string, value: string): Promise<void> }
  readonly texts: Texts
  readonly clock: Clock
  readonly onProblem: (error: unknown) => void
}

/** Followed by the budget's kind; the value is `Told`. */
const TOLD_FACT = 'alerts.budget:'
/** Followed by the model. */
const UNPRICED_FACT = 'alerts.price-unknown:'

/** Alerts of budgets that are spent, each threshold once a period, and of models without a price, each once. */
export class BudgetAlerts {
  readonly #options: BudgetAlertOptions
  #watch: Disposable | null = null
  #checking: Promise<void> = Promise.resolve()

  constructor(options: BudgetAlertOptions) {
    this.#options = options
  }

  start(): void {
    this.#watch = this.#options.watch.subscribe(() => this.#checkNext())
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
    const { watch } = this.#options
    for (const use of watch.uses()) await this.#checkBudget(use)
    for (const model of watch.unpriced) await this.#checkPrice(model)
  }

  async #checkBudget(use: BudgetUse): Promise<void> {
    const { facts, thresholds } = this.#options
    const { claim, raised } = use
    // A budget that was raised is another one.
    const period = `${claim.key} ${claim.limit + raised}`
    const fact = TOLD_FACT + claim.kind
    const told = readTold(await facts.get(fact), period)
    const consequence = eventTable.budget(use, thresholds, told)
    if (consequence.kind !== 'alert') return
    await facts.set(fact, JSON.stringify({ period, threshold: consequence.threshold } satisfies Told))
    this.#send(consequence.event, this.#textOf(use, consequence.threshold))
  }

  async #checkPrice(model: string): Promise<void> {
    const { facts, texts } = this.#options
    if ((await facts.get(UNPRICED_FACT + model)) !== null) return
    await facts.set(UNPRICED_FACT + model, '')
    this.#send('warning', fillText(texts, 'alert_price_unknown', { model }))
  }

  #textOf({ claim, spent, raised, reachedAt }: BudgetUse, percent: number): string {
    const { texts, clock } = this.#options
    const values = {
      budget: BUDGET_NAMES[claim.kind],
      spent: dollars(spent),
      limit: dollars(claim.limit + raised),
    }
    if (reachedAt === null) return fillText(texts, 'alert_budget', { ...values, percent })
    const time = timeInWords(claim.resetsAt, clock.now())
    return fillText(texts, 'alert_budget_reached', { ...values, time })
  }

  /** Not waited for: where all routes fail they are tried for a day. */
  #send(event: AlertEvent, text: string): void {
    const { alerter, onProblem } = this.#options
    alerter.send({ event, text, incident: null }).catch(onProblem)
  }
}

interface Told {
  readonly period: string
  readonly threshold: number
}

/** The highest threshold that operators were alerted of in this period; 0 = none. */
function readTold(fact: string | null, period: string): number {
  const told = fact === null ? null : (JSON.parse(fact) as Told)
  return told?.period === period ? told.threshold : 0
}
