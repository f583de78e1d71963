import { LOGIN_CHANNELS } from '../channels/channel.ts'
import { budgetCommand } from '../conversation/budget-command.ts'
import type { Command } from '../conversation/commands.ts'
import type { Messaging } from '../conversation/messaging.ts'
import { BUDGET_REASON } from '../inbox/dispatch/outcome.ts'
import type { OpenStore } from '../storage/open-store.ts'
import { BudgetKeeper } from '../usage/budget-keeper.ts'
import { BudgetWatch } from '../usage/budget-watch.ts'
import type { BudgetLimits } from '../usage/budget.ts'
import { nanoOf } from '../usage/cost.ts'
import { PriceTable } from '../usage/price-table.ts'
import type { Runtime } from './runtime.ts'

export interface BudgetParts {
  readonly prices: PriceTable
  /** null: nothing is limited. */
  readonly keeper: BudgetKeeper | null
  readonly watch: BudgetWatch
  readonly command: Command
  /** Before the first turn; the end comes after the last one. */
  start(stack: AsyncDisposableStack): Promise<void>
}

/** What may be spent, for the turns of this process and for those who watch it. @param messaging read when it is there */
export function openBudgets(
  { settings, clock, lifecycle, onProblem }: Runtime,
  { storage, fleet }: OpenStore,
  messaging: () => Messaging,
): BudgetParts {
  const { model, budgets: configured, overrides, gateway } = settings.config
  const { budgets, inbox } = storage
  const limits: BudgetLimits = {
    day: nanoOrNull(configured.day),
    month: nanoOrNull(configured.month),
    personDay: nanoOrNull(configured.personDay),
    unattendedDay: nanoOrNull(configured.unattendedDay),
  }
  const isLimited =
    Object.values(limits).some((limit) => limit !== null) ||
    Object.values(overrides).some(({ budgetDay }) => budgetDay !== null)
  const prices = new PriceTable(model.prices)
  const shared = { budgets, owner: fleet.id, limits, clock, onProblem }
  const watch = new BudgetWatch({
    ...shared,
    isShared: fleet.work !== null && isLimited,
    notify: (unpriced) => fleet.notify({ kind: 'budget', unpriced }),
  })
  const keeper = isLimited
    ? new BudgetKeeper({ ...shared, prices, onUse: (unpriced) => watch.used(unpriced) })
    : null
  /** Messages that wait for a budget are tried again; where there is still no room, they keep waiting. */
  const release = async () => {
    const { dispatcher, events } = messaging()
    for (const id of await inbox.releaseHeld(BUDGET_REASON, clock.now())) {
      dispatcher.wake(id)
      events.changed(id)
    }
  }
  return {
    prices,
    keeper,
    watch,
    command: budgetCommand({
      budgets,
      limits,
      channels: LOGIN_CHANNELS,
      texts: gateway.texts,
      async onRaised() {
        await watch.refresh()
        await release()
      },
    }),
    async start(stack) {
      await lifecycle.start(stack, 'budgets', {
        async start() {
          await keeper?.start()
          await watch.start()
          fleet.listen((news) => {
            if (news.kind === 'budget') watch.heard(news.unpriced)
          })
          // They may have been changed while the gateway was stopped.
          await inbox.releaseHeld(BUDGET_REASON, clock.now())
        },
        async stop() {
          await watch.stop()
          await keeper?.stop()
        },
      })
    },
  }
}

function nanoOrNull(usd: number | null) {
  return usd === null ? null : nanoOf(usd)
}
