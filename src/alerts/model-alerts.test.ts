import { expect, test } from 'vitest'
import { FakeClock } from '../../test/support/fake-clock.ts'
import { modelInfo } from '../../test/support/provider/model-info.ts'
import { rethrow } from '../../test/support/rethrow.ts'
import { DEFAULT_TEXTS } from '../config/texts.ts'
import type { ModelInfo } from '../conversation/model-settings.ts'
import { DAY } from '../support/clock.ts'
import { Emitter } from '../support/emitter.ts'
import { ModelAlerts } from './model-alerts.ts'

const clock = new FakeClock(Date.UTC(2026, 11, 1))

function watched(facts = new Map<string, string>()) {
  const sent: Array<{ event: string; text: string }> = []
  const list = new Emitter(rethrow)
  let models: readonly ModelInfo[] = []
  const find = (id: string) => models.find((model) => model.id === id) ?? null
  const alerts = new ModelAlerts({
    alerter: {
      send: async ({ event, text }) => {
        sent.push({ event, text })
        return 'webhook'
      },
    },
    settings: {
      configured: () => ['claude-one', 'claude-two'],
      models: { find, current: () => ({ source: 'provider', fetchedAt: 0, models }) },
    },
    list,
    facts: {
      get: async (key) => facts.get(key) ?? null,
      set: async (key, value) => void facts.set(key, value),
    },
    texts: DEFAULT_TEXTS,
    clock,
    onProblem: rethrow,
  })
  alerts.start()
  const now = async (...known: readonly ModelInfo[]) => {
    models = known
    list.emit()
    await clock.advance(0)
  }
  return { alerts, sent, now, facts }
}

const retiring = (id: string, days: number) => modelInfo(id, { retiresAt: clock.now() + days * DAY })

test('a configured model that retires within 30 days is told once, also over a restart', async () => {
  const { sent, now, facts, alerts } = watched()
  await now(retiring('claude-one', 31), retiring('claude-other', 3))
  expect(sent).toEqual([])
  await now(retiring('claude-one', 30))
  await now(retiring('claude-one', 30))
  await alerts.stop()
  expect(sent).toEqual([
    {
      event: 'warning',
      text: 'claude-one retires on 2026-12-31. Set another one as model.default or in overrides; `hermes models` lists them.',
    },
  ])
  const again = watched(facts)
  await again.now(retiring('claude-one', 30), retiring('claude-two', 2))
  expect(again.sent.map(({ text }) => text.slice(0, 32))).toEqual(['claude-two retires on 2026-12-03'])
})

test('another date is told again', async () => {
  const { sent, now } = watched()
  await now(retiring('claude-one', 20))
  await now(retiring('claude-one', 10))
  expect(sent).toHaveLength(2)
})
