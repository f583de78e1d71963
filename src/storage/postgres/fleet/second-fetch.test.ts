import { expect, test } from 'vitest'
import { until } from '../../../../test/support/until.ts'
import type { Lease } from '../../../inbox/lease.ts'
import { systemClock } from '../../../support/clock.ts'
import { FleetWork } from './fleet-work.ts'
import type { Claimed } from './turn-claims.ts'

const ID = 'telegram:7'

test('a job that is fetched again while its conversation is busy here keeps the lease of the later fetch', async () => {
  const job = (retryCount: number) => ({ id: 'job', retryCount, conversationId: ID })
  const lease = { turnId: 'second', conversation: { id: ID } } as Lease
  const claims: Claimed[] = [
    { taken: [{ ...job(0), id: 'first' }], leases: [] },
    { taken: [job(0)], leases: [] },
    { taken: [job(1)], leases: [lease] },
  ]
  const none = async () => {}
  const work = new FleetWork({
    id: 'me',
    queue: { fetch: async () => [], touch: none, remove: none },
    claims: { claim: async () => claims.shift() ?? { taken: [], leases: [] } },
    wakeUps: { finishTurns: async () => 0, wake: async () => [], wakeAll: async () => 0, giveBack: none },
    clock: systemClock,
    answers: true,
    notify() {},
    onProblem() {},
  })
  await work.start(
    () => {},
    () => ({ historyLimit: 0, merge: true }),
  )
  const next = () => {
    work.nudge()
    return work.next(Date.now(), 1)
  }
  await until(() => next()?.id === ID, 'the conversation')
  await until(() => {
    if (claims.length > 0) next()
    return claims.length === 0 && !work.searching
  }, 'the other fetches')
  work.done(ID, 1, null)
  expect(next()?.id).toBe(ID)
  expect(work.granted(ID)).toBe(lease)
  await work.stop()
})
