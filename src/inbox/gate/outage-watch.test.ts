import { expect, test } from 'vitest'
import { FakeClock } from '../../../test/support/fake-clock.ts'
import { DEFAULT_TEXTS } from '../../config/texts.ts'
import { DAY, MINUTE, SECOND } from '../../support/clock.ts'
import { createLog } from '../../support/log.ts'
import { SwitchGate } from './gate.ts'
import { OutageWatch } from './outage-watch.ts'

test('what comes to wait after the outage was announced is held as well, until it ends', async () => {
  const clock = new FakeClock()
  const problems: unknown[] = []
  const gate = new SwitchGate((error) => problems.push(error))
  const told: string[] = []
  let waiting = ['a']
  let looks = 0
  const watch = new OutageWatch({
    gate,
    inbox: {
      hold: async () => {
        looks++
        return waiting.splice(0)
      },
      counts: async () => ({ received: waiting.length, answering: 0, held: 0, parked: 0, oldestAt: null }),
      expire: async () => [],
    },
    clock,
    texts: DEFAULT_TEXTS,
    maxAge: DAY,
    log: await createLog({ level: 'silent' }),
    onNotices: (ids) => told.push(...ids),
    onStoreError: (error) => problems.push(error),
  })
  watch.start()
  await clock.advance(MINUTE)
  expect(looks).toBe(0)
  const now = clock.now()
  gate.set({
    open: false,
    id: 'o',
    status: 'needs-login',
    reason: null,
    since: now,
    until: null,
    tellAt: now,
    notice: 'later',
    probing: false,
  })
  await clock.advance(SECOND)
  expect(told).toEqual(['a'])
  // Nothing has come since: nothing is read.
  await clock.advance(MINUTE)
  expect(looks).toBe(1)
  // Its storing began before the outage.
  waiting = ['b']
  await clock.advance(5 * SECOND)
  expect(told).toEqual(['a', 'b'])
  gate.set({ open: true })
  const before = looks
  await clock.advance(MINUTE)
  expect(looks).toBe(before)
  await watch.stop()
  expect(problems).toEqual([])
})
