import { expect, test } from 'vitest'
import { FakeClock } from '../../test/support/fake-clock.ts'
import { rethrow } from '../../test/support/rethrow.ts'
import { DEFAULT_TEXTS } from '../config/texts.ts'
import { HOUR } from '../support/clock.ts'
import { Emitter } from '../support/emitter.ts'
import type { CacheChange } from '../usage/cache-trouble.ts'
import { CacheAlerts } from './cache-alerts.ts'

const LASTING: CacheChange = { kind: 'lasting', reason: 'tools_changed', misses: 7, readShare: 0.314 }
const clock = new FakeClock(Date.UTC(2026, 10, 30))

function watched(facts = new Map<string, string>()) {
  const sent: Array<{ event: string; text: string }> = []
  const changes = new Emitter<CacheChange>(rethrow)
  const alerts = new CacheAlerts({
    alerter: {
      send: async ({ event, text }) => {
        sent.push({ event, text })
        return 'webhook'
      },
    },
    record: changes,
    facts: {
      get: async (key) => facts.get(key) ?? null,
      set: async (key, value) => void facts.set(key, value),
    },
    texts: DEFAULT_TEXTS,
    clock,
    onProblem: rethrow,
  })
  alerts.start()
  const tell = async (change: CacheChange) => {
    changes.emit(change)
    await clock.advance(0)
  }
  return { alerts, sent, tell, facts }
}

test('misses that last are told with their reason and the share, and their end is told', async () => {
  const { sent, tell, alerts } = watched()
  await tell(LASTING)
  await tell({ kind: 'over' })
  await alerts.stop()
  await tell(LASTING)
  expect(sent).toEqual([
    {
      event: 'warning',
      text: 'For an hour only 31 % of what could be read from the prompt cache was read: the provider says that the tools have changed. Until that is fixed, answers cost more. The log names the conversations.',
    },
    { event: 'warning', text: 'The prompt cache is used again as it should be.' },
  ])
})

test('several gateways that find the same are one alert and one end', async () => {
  const facts = new Map<string, string>()
  const [one, other] = [watched(facts), watched(facts)]
  await one.tell(LASTING)
  await other.tell(LASTING)
  await other.tell({ kind: 'over' })
  await one.tell({ kind: 'over' })
  expect([...one.sent, ...other.sent].map(({ text }) => text.slice(0, 11))).toEqual([
    'For an hour',
    'The prompt ',
  ])
})

test('after a restart the same is not told again on the same day', async () => {
  const { facts, tell } = watched()
  await tell(LASTING)
  const again = watched(facts)
  await clock.advance(23 * HOUR)
  await again.tell(LASTING)
  expect(again.sent).toEqual([])
  await clock.advance(HOUR)
  await again.tell(LASTING)
  expect(again.sent).toHaveLength(1)
})

test('a reason of which only the provider knows has no words of its own', async () => {
  const { sent, tell } = watched()
  await tell({ ...LASTING, reason: 'previous_message_not_found' })
  expect(sent[0]!.text).toContain('was read: the provider names no reason. Until')
})
