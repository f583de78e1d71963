import { expect, test } from 'vitest'
import { FakeClock } from '../../../test/support/fake-clock.ts'
import { rethrow } from '../../../test/support/rethrow.ts'
import { SECOND } from '../../support/clock.ts'
import { Emitter } from '../../support/emitter.ts'
import { StoreError } from '../../support/errors.ts'
import { StoreHealth } from './store-health.ts'

class NoRoom extends StoreError {
  override get noRoom(): boolean {
    return true
  }
}

/** A store whose probe throws what it is given. */
async function started() {
  const clock = new FakeClock()
  const store = { error: null as Error | null, probes: 0 }
  const health = new StoreHealth({
    clock,
    observer: new Emitter(rethrow),
    onProblem: rethrow,
    probe: async () => {
      store.probes++
      if (store.error) throw store.error
    },
    random: () => 1,
  })
  await health.start()
  return { clock, store, health }
}

test('without room nothing is taken in, whatever small write still works, until a probe finds some', async () => {
  const { clock, store, health } = await started()
  store.error = new NoRoom('the disk is full')
  health.failed(store.error)
  health.worked()
  expect(health.problem).toContain('the disk is full')
  expect(health.full).toBe(true)
  await clock.advance(20 * SECOND)
  expect(health.full).toBe(true)
  expect(store.probes).toBeGreaterThan(2)
  store.error = null
  await clock.advance(5 * SECOND)
  expect(health).toMatchObject({ ok: true, full: false })
})

test('a write that works is believed when a probe works, too, which is asked for at once', async () => {
  const { clock, store, health } = await started()
  store.error = new StoreError('no')
  health.failed(store.error)
  health.worked()
  await clock.advance(0)
  expect(health).toMatchObject({ ok: false, full: false })
  store.error = null
  await clock.advance(SECOND / 2)
  health.worked()
  await clock.advance(0)
  expect(health.ok).toBe(true)
})

test('a first failure is looked into within seconds, though the regular look is far', async () => {
  const { clock, store, health } = await started()
  health.failed(new StoreError('no'))
  await clock.advance(2 * SECOND)
  expect(store.probes).toBe(1)
  expect(health.ok).toBe(true)
})
