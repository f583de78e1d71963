import { DEFAULT_TEXTS } from '../../src/config/texts.ts'
import { budgetCommand } from '../../src/conversation/budget-command.ts'
import { BUDGET_REASON } from '../../src/inbox/dispatch/outcome.ts'
import type { Storage } from '../../src/storage/storage.ts'
import { BudgetKeeper } from '../../src/usage/budget-keeper.ts'
import { BudgetWatch } from '../../src/usage/budget-watch.ts'
import { commonClaims, type BudgetLimits } from '../../src/usage/budget.ts'
import type { Budgets } from '../../src/usage/budgets.ts'
import { nanoOf } from '../../src/usage/cost.ts'
import { PriceTable } from '../../src/usage/price-table.ts'
import { FakeClock } from './fake-clock.ts'
import { MessageFixture, type MessageFixtureOptions } from './message-fixture.ts'
import { rethrow } from './rethrow.ts'

/** Of the fixtures' model, per million tokens. */
const PRICES = { 'claude-test': { input: 1, output: 10 } }

export interface BudgetFixtureOptions extends MessageFixtureOptions {
  /** In USD; left out: no limit. */
  readonly limits?: Partial<Record<keyof BudgetLimits, number>>
  /** As in `model.prices`. */
  readonly prices?: Readonly<Record<string, { readonly input: number; readonly output: number }>>
  /** Names the process. */
  readonly owner?: string
}

/** The core of messages with budgets, as the gateway composes it. */
export async function startWithBudgets(options: BudgetFixtureOptions) {
  const clock = options.clock ?? new FakeClock(Date.UTC(2026, 10, 29, 22))
  const { limits = {}, owner = 'process-1' } = options
  const nano = (key: keyof BudgetLimits) => (limits[key] === undefined ? null : nanoOf(limits[key]))
  const all: BudgetLimits = {
    day: nano('day'),
    month: nano('month'),
    personDay: nano('personDay'),
    unattendedDay: nano('unattendedDay'),
  }
  let storage: Storage | null = null
  // The storage is opened by the fixture that needs the budgets.
  const budgets = new Proxy({} as Budgets, {
    get: (_, name) => (storage!.budgets as unknown as Record<string | symbol, unknown>)[name],
  })
  const prices = new PriceTable(
    Object.fromEntries(
      Object.entries(options.prices ?? PRICES).map(([model, price]) => [
        model,
        { ...price, cacheRead: null, cacheWrite5m: null, cacheWrite1h: null, webSearch: null },
      ]),
    ),
  )
  const watch = new BudgetWatch({
    budgets,
    owner,
    limits: all,
    clock,
    isShared: false,
    notify() {},
    onProblem: rethrow,
  })
  const keeper = new BudgetKeeper({
    budgets,
    owner,
    limits: all,
    prices,
    clock,
    onUse: (unpriced) => watch.used(unpriced),
    onProblem: rethrow,
    random: () => 0.5,
  })
  const command = budgetCommand({
    budgets,
    limits: all,
    channels: new Set(['chat']),
    texts: DEFAULT_TEXTS,
    async onRaised() {
      await watch.refresh()
      for (const id of await storage!.inbox.releaseHeld(BUDGET_REASON, clock.now()))
        fixture.messaging.dispatcher.wake(id)
    },
  })
  const fixture: MessageFixture = await MessageFixture.open({
    ...options,
    clock,
    wrapStorage(opened) {
      storage = options.wrapStorage ? options.wrapStorage(opened) : opened
      return storage
    },
    messaging: {
      budgets: keeper,
      prices,
      ...options.messaging,
      commands: new Map([['budget', command], ...(options.messaging?.commands ?? [])]),
    },
  })
  await keeper.start()
  await watch.start()
  await fixture.messaging.start()

  return {
    fixture,
    keeper,
    watch,
    clock: clock as FakeClock,
    /** What is spent of the budgets of everybody, in nano-dollars, by their kinds. */
    async spent(): Promise<Readonly<Record<string, number>>> {
      const uses = await budgets.use(commonClaims(all, clock.now()), clock.now())
      return Object.fromEntries(uses.map(({ claim, spent }) => [claim.kind, spent]))
    },
  }
}
