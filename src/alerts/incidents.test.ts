import { expect, test } from 'vitest'
import { FakeClock } from '../../test/support/fake-clock.ts'
import { rethrow } from '../../test/support/rethrow.ts'
import { DEFAULT_TEXTS } from '../config/texts.ts'
import { fleetOfOne } from '../inbox/fleet/fleet.ts'
import { SECOND } from '../support/clock.ts'
import type { Incident } from './incident.ts'
import { Incidents } from './incidents.ts'

/** The incidents of one run of a gateway, over what an earlier run has stored. */
function fixture(clock: FakeClock, records = new Map<string, Incident>()) {
  const open = () => [...records.values()].find(({ closedAt }) => closedAt === null) ?? null
  const given = { waiting: 2 }
  const incidents = new Incidents({
    store: {
      save: async (incident) => void records.set(incident.id, incident),
      current: async () => open(),
      list: async () => [...records.values()],
    },
    alerter: { send: async () => 'telegram:1' },
    clock,
    texts: DEFAULT_TEXTS,
    host: 'box',
    credential: () => ({ kind: 'oauth', source: 'own' }),
    waiting: async () => given.waiting,
    onProblem: rethrow,
    fleet: fleetOfOne('a'),
    onChange: () => {},
  })
  return { incidents, records, given }
}

const OUTAGE = { id: 'outage', status: 'needs-login', reason: 'expired', since: 0 }

test('messages are counted from the first moment of an outage until what had waited is answered', async () => {
  const clock = new FakeClock()
  const { incidents, records, given } = fixture(clock)
  const stop = await incidents.lead()
  incidents.observe(null)
  await clock.advance(SECOND)
  expect(incidents.isCounting).toBe(false)
  incidents.observe(OUTAGE)
  expect(incidents.isCounting).toBe(true)
  await clock.advance(SECOND)
  incidents.observe(null)
  await clock.advance(SECOND)
  expect(incidents.isCounting).toBe(true)
  given.waiting = 0
  incidents.count('answered', 2)
  await clock.advance(SECOND)
  expect(records.get('outage')).toMatchObject({ closedAt: clock.now() - SECOND, counts: { answered: 2 } })
  expect(incidents.isCounting).toBe(false)
  await stop()
})

test('messages are counted for an incident that an earlier run has left open', async () => {
  const clock = new FakeClock()
  const first = fixture(clock)
  const stop = await first.incidents.lead()
  first.incidents.observe(OUTAGE)
  await clock.advance(SECOND)
  await stop()
  const { incidents } = fixture(clock, first.records)
  const stopAgain = await incidents.lead()
  expect(incidents.isCounting).toBe(true)
  await stopAgain()
})
