import { expect, test } from 'vitest'
import { FakeClock } from '../../test/support/fake-clock.ts'
import { rethrow } from '../../test/support/rethrow.ts'
import { DEFAULT_TEXTS } from '../config/texts.ts'
import { DAY } from '../support/clock.ts'
import { Emitter } from '../support/emitter.ts'
import { commonClaims, type BudgetUse } from '../usage/budget.ts'
import { nanoOf } from '../usage/cost.ts'
import { BudgetAlerts } from './budget-alerts.ts'

const LIMITS = { day: nanoOf(5), month: nanoOf(100), personDay: null, unattendedDay: null }

function watched(facts = new Map<string, string>(), clock = new FakeClock(Date.UTC(2026, 10, 30, 12))) {
  const sent: string[] = []
  const changes = new Emitter<void>(rethrow)
  const watch = {
    uses: (): readonly BudgetUse[] => [],
    unpriced: [] as readonly string[],
    subscribe: (listener: () => void) => changes.subscribe(listener),
  }
  const alerts = new BudgetAlerts({
    alerter: {
      send: async ({ event, text }) => {
        expect(event).toBe('warning')
        sent.push(text)
        return 'webhook'
      },
    },
    watch,
    thresholds: [50, 80, 100],
    facts: {
      get: async (key) => facts.get(key) ?? null,
      set: async (key, value) => void facts.set(key, value),
    },
    texts: DEFAULT_TEXTS,
    clock,
    onProblem: rethrow,
  })
  alerts.start()
  /** The day and the month have spent so many dollars. */
  const spend = async (day: number, month: number, more: Partial<BudgetUse> = {}) => {
    const [today, thisMonth] = commonClaims(LIMITS, clock.now())
    watch.uses = () => [
      { claim: today!, spent: nanoOf(day), raised: 0, reachedAt: null, ...more },
      { claim: thisMonth!, spent: nanoOf(month), raised: 0, reachedAt: null },
    ]
    changes.emit()
    await clock.advance(0)
  }
  return { alerts, clock, sent, spend, watch, facts, changes }
}

test('each threshold of a budget is told once, also over a restart, and of several at once the highest', async () => {
  const { spend, sent, alerts, facts, clock } = watched()
  await spend(2.49, 2.49)
  expect(sent).toEqual([])
  await spend(2.5, 2.5)
  await spend(2.6, 2.6)
  await alerts.stop()
  const again = watched(facts, clock)
  await again.spend(3.9, 3.9)
  await again.spend(5.1, 51)
  expect([...sent, ...again.sent]).toEqual([
    "Today's budget: 50 % is spent, $2.50 of $5.00.",
    "Today's budget: 100 % is spent, $5.10 of $5.00.",
    "This month's budget: 50 % is spent, $51.00 of $100.00.",
  ])
})

test('the next day is told again, and the month continues', async () => {
  const { spend, sent, clock } = watched(undefined, new FakeClock(Date.UTC(2026, 10, 20)))
  await spend(4, 50)
  await clock.advance(DAY)
  await spend(4, 54)
  expect(sent).toEqual([
    "Today's budget: 80 % is spent, $4.00 of $5.00.",
    "This month's budget: 50 % is spent, $50.00 of $100.00.",
    "Today's budget: 80 % is spent, $4.00 of $5.00.",
  ])
})

test('a budget that keeps messages waiting is told with what can be done, and again where it was raised', async () => {
  const { spend, sent, clock } = watched()
  const reached = { reachedAt: clock.now() }
  await spend(4.8, 4.8, reached)
  await spend(4.8, 4.8, reached)
  await spend(4.8, 4.8, { raised: nanoOf(5) })
  await spend(9.9, 9.9, { raised: nanoOf(5), ...reached })
  expect(sent).toEqual([
    "Today's budget is reached: $4.80 of $5.00 is spent. Messages are saved, and answered from Tuesday 00:00 UTC on. Send /budget +5 here to raise it today.",
    "Today's budget is reached: $9.90 of $10.00 is spent. Messages are saved, and answered from Tuesday 00:00 UTC on. Send /budget +5 here to raise it today.",
  ])
})

test('a model without a price is told once', async () => {
  const { watch, sent, changes, clock, facts } = watched()
  for (const unpriced of [['claude-new'], ['claude-new', 'claude-newer']]) {
    watch.unpriced = unpriced
    changes.emit()
    await clock.advance(0)
  }
  expect(sent.map((text) => text.split(' is unknown')[0])).toEqual([
    'The price of claude-new',
    'The price of claude-newer',
  ])
  const again = watched(facts, clock)
  again.watch.unpriced = ['claude-new']
  again.changes.emit()
  await clock.advance(0)
  expect(again.sent).toEqual([])
})
