import { expect, it } from 'vitest'
import { FakeClock } from '../../../../test/support/fake-clock.ts'
import { afterThisTest } from '../../../../test/support/provider/signed-in.ts'
import { databaseOfSignIns } from '../../../../test/support/stores/shared-place.ts'
import { pause } from '../../../../test/support/until.ts'
import { systemClock } from '../../../support/clock.ts'
import { acquireLease, fenceHolds, type Lease, type LeaseOptions } from './lease.ts'

async function fixture() {
  const { database } = await databaseOfSignIns()
  const take = async (holder: string, more: Partial<LeaseOptions> = {}): Promise<Lease | null> => {
    const options = { name: 'leader', holder, clock: systemClock, ttlMs: 60_000, ...more }
    const lease = await acquireLease(database, options)
    if (lease) afterThisTest(() => lease.release())
    return lease
  }
  /** As if its holder had not renewed it for a full term. */
  const runOut = () => database.query(`UPDATE hermes.leases SET expires_at = now() - interval '1 second'`)
  return { database, take, runOut }
}

it('is one holder’s at a time, with a higher fence for each', async () => {
  const { take } = await fixture()
  const taken = (await Promise.all(['a', 'b', 'c', 'd'].map((holder) => take(holder)))).filter(Boolean)
  expect(taken).toHaveLength(1)
  await taken[0]!.release()
  const next = await take('e')
  expect(next!.fence).toBe(taken[0]!.fence + 1)
})

it('is taken over when it expired; the previous holder is notified and can do nothing under it', async () => {
  const { take, runOut, database } = await fixture()
  let told = 0
  const former = (await take('former', { onLost: () => told++ }))!
  expect(await take('next')).toBeNull()
  await runOut()
  const next = (await take('next'))!
  expect(await former.renew()).toBe(false)
  expect(told).toBe(1)
  expect(former.isFresh).toBe(false)
  await former.release()
  expect(await next.renew()).toBe(true)
  expect(await database.transaction((tx) => fenceHolds(tx, 'leader', former.fence))).toBe(false)
  expect(await database.transaction((tx) => fenceHolds(tx, 'leader', next.fence))).toBe(true)
})

it('is still its holder’s when it ran out and nobody wanted it', async () => {
  const { take, runOut } = await fixture()
  const lease = (await take('a'))!
  await runOut()
  expect(await lease.renew()).toBe(true)
  expect(await take('b')).toBeNull()
})

it('cannot be taken while a transaction counts on its fence', async () => {
  const { take, runOut, database } = await fixture()
  const former = (await take('former'))!
  await runOut()
  let taking: Promise<Lease | null> | undefined
  let taken = false
  await database.transaction(async (tx) => {
    expect(await fenceHolds(tx, 'leader', former.fence)).toBe(true)
    taking = take('next').then((lease) => {
      taken = true
      return lease
    })
    // A contender waits for the end of the transaction.
    await pause(100)
    expect(taken).toBe(false)
  })
  expect(await taking).not.toBeNull()
})

it('counts as over as soon as either clock of its holder says so', async () => {
  const { take } = await fixture()
  const clock = new FakeClock()
  const lease = (await take('a', { clock }))!
  await clock.advance(59_999)
  expect(lease.isFresh).toBe(true)
  await clock.advance(1)
  expect(lease.isFresh).toBe(false)
  await lease.renew()
  expect(lease.isFresh).toBe(true)
  // A machine that slept: only the wall clock has advanced.
  clock.jump(60_000)
  expect(lease.isFresh).toBe(false)
})

it('is renewed automatically while it is held', async () => {
  const { take } = await fixture()
  const lease = (await take('a', { ttlMs: 300, renewalMs: 50 }))!
  // More than two terms.
  await pause(700)
  expect(lease.isFresh).toBe(true)
  expect(await take('b')).toBeNull()
})
