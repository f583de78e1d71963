import { SECOND, type Clock, type Timer } from '../support/clock.ts'
import { Emitter } from '../support/emitter.ts'
import { commonClaims, spentRatio, type BudgetKind, type BudgetLimits, type BudgetUse } from './budget.ts'
import type { Budgets } from './budgets.ts'

/** What is shown of the budgets is as old as this at most; a busy gateway reads them no more often. */
const READ_AFTER_MS = 0.5 * SECOND
/** In a fleet, in case news was lost, and to find processes that are gone. */
const READ_EVERY_MS = 10 * SECOND

export interface BudgetWatchOptions {
  readonly budgets: Budgets
  readonly owner: string
  readonly limits: BudgetLimits
  readonly clock: Clock
  /** Other processes use the same budgets. */
  readonly isShared: boolean
  /** Tells the other processes. @param unpriced models that were asked and have no known price */
  readonly notify: (unpriced: readonly string[]) => void
  readonly onProblem: (error: unknown) => void
}

/** A common budget that keeps messages waiting. */
export interface ReachedBudget {
  readonly kind: BudgetKind
  /** In epoch milliseconds. */
  readonly since: number
  readonly resetsAt: number
}

/** Only these keep everybody waiting. */
const OF_EVERYBODY: ReadonlySet<BudgetKind> = new Set(['day', 'month'])

/** What is known here of the common budgets, soon after each use of them in any process. */
export class BudgetWatch {
  readonly #options: BudgetWatchOptions
  readonly #changes: Emitter<void>
  readonly #unpriced = new Set<string>()
  #uses: readonly BudgetUse[] = []
  #timer: Timer | null = null
  #tick: Timer | null = null
  #isOwnUse = false
  #reading: Promise<void> = Promise.resolve()
  #isStopped = false

  constructor(options: BudgetWatchOptions) {
    this.#options = options
    this.#changes = new Emitter(options.onProblem)
  }

  /** @throws StoreError */
  async start(): Promise<void> {
    await this.#read()
    if (this.#options.isShared) this.#readRegularly()
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    this.#timer?.cancel()
    this.#tick?.cancel()
    await this.#reading
  }

  /** This process has used a budget. @param unpriced the model, where its price is unknown */
  used(unpriced: string | null): void {
    if (unpriced !== null) this.#unpriced.add(unpriced)
    this.#isOwnUse = true
    this.#readSoon()
  }

  /** Another process has. */
  heard(unpriced: readonly string[]): void {
    for (const model of unpriced) this.#unpriced.add(model)
    this.#readSoon()
  }

  /** Something was changed that must show at once. Never rejects. */
  async refresh(): Promise<void> {
    this.#isOwnUse = true
    await this.#readNext()
  }

  /** Models that were asked and have no known price. */
  get unpriced(): readonly string[] {
    return [...this.#unpriced]
  }

  /** The common budgets with a limit whose period is not over. */
  uses(): readonly BudgetUse[] {
    const now = this.#options.clock.now()
    return this.#uses.filter(({ claim }) => claim.resetsAt > now)
  }

  /** Of each common budget with a limit, the share that is spent. */
  ratios(): ReadonlyMap<BudgetKind, number> {
    const { limits, clock } = this.#options
    const none = commonClaims(limits, clock.now()).map(({ kind }) => [kind, 0] as const)
    const known = this.uses().map((use) => [use.claim.kind, spentRatio(use)] as const)
    return new Map([...none, ...known])
  }

  /** What keeps everybody's messages waiting; null = nothing. Where both do, the one that opens later. */
  reached(): ReachedBudget | null {
    const [last] = this.uses()
      .filter(({ claim, reachedAt }) => reachedAt !== null && OF_EVERYBODY.has(claim.kind))
      .toSorted((a, b) => b.claim.resetsAt - a.claim.resetsAt)
    return last ? { kind: last.claim.kind, since: last.reachedAt!, resetsAt: last.claim.resetsAt } : null
  }

  /** Calls `listener` after each reading. */
  subscribe(listener: () => void): Disposable {
    return this.#changes.subscribe(listener)
  }

  #readRegularly(): void {
    this.#tick = this.#options.clock.setTimer(() => {
      if (this.#isStopped) return
      this.#readRegularly()
      void this.#readNext()
    }, READ_EVERY_MS)
  }

  #readSoon(): void {
    if (this.#isStopped) return
    this.#timer ??= this.#options.clock.setTimer(() => void this.#readNext(), READ_AFTER_MS)
  }

  /** One after the other. Never rejects. */
  #readNext(): Promise<void> {
    this.#timer?.cancel()
    this.#timer = null
    this.#reading = this.#reading.then(() => this.#read()).catch(this.#options.onProblem)
    return this.#reading
  }

  async #read(): Promise<void> {
    const { budgets, owner, limits, clock, isShared, notify } = this.#options
    const now = clock.now()
    const isOwnUse = this.#isOwnUse
    this.#isOwnUse = false
    if (isShared) await budgets.closeGone(owner, now)
    const claims = commonClaims(limits, now)
    if (claims.length > 0) this.#uses = await budgets.use(claims, now)
    if (isOwnUse) notify(this.unpriced)
    this.#changes.emit()
  }
}
