import { rm } from 'node:fs/promises'
import { beforeEach, expect, it } from 'vitest'
import { FakeClock } from '../../../test/support/fake-clock.ts'
import { FakeMemory } from '../../../test/support/provider/memory-sign-in.ts'
import { issued, ProfileFixture, says } from '../../../test/support/provider/profile-fixture.ts'
import { keepAlive } from '../../../test/support/provider/short-lived-sources.ts'
import { pause, until } from '../../../test/support/until.ts'
import { MINUTE, SECOND, systemClock, type Clock } from '../../support/clock.ts'
import { NeedsLogin } from '../../support/errors.ts'
import { profileSource } from '../sources/profile.ts'
import type { Keeper } from './keeper.ts'

let profile: ProfileFixture
let memory: FakeMemory
beforeEach(async () => {
  profile = await ProfileFixture.start()
  memory = new FakeMemory()
})

/** A gateway on the profile; the next one remembers what the previous one did. */
function startKeeper(clock: Clock = systemClock): Promise<Keeper> {
  return keepAlive(clock, profileSource(profile.access({ limitMs: 3 * SECOND })), memory)
}

it('begins with the token of the file, and asks nobody', async () => {
  const token = await profile.signIn()
  const keeper = await startKeeper()
  expect(keeper.snapshot()).toMatchObject({
    state: 'healthy',
    kind: 'profile',
    renewable: true,
    fingerprint: token.fingerprint,
  })
  expect(profile.requests).toEqual([])
})

it("adopts a sibling's newer token after a rejection, without a request", async () => {
  await profile.signIn()
  const keeper = await startKeeper()
  const used = await keeper.acquire()
  keeper.accepted(used)
  const theirs = await profile.store('of-a-sibling')
  expect((await keeper.rejected(used, { kind: 'rejected' })).fingerprint).toBe(theirs.fingerprint)
  expect(profile.requests).toEqual([])
})

it('adopts a new sign-in within 5 s, also where there was none and after one was removed', async () => {
  const keeper = await startKeeper()
  expect(keeper.snapshot().state).toBe('needs-login')
  for (const name of ['first', 'second']) {
    const token = await profile.signIn(name)
    await until(() => keeper.snapshot().fingerprint === token.fingerprint, name, 5 * SECOND)
    expect(keeper.snapshot().state).toBe('healthy')
  }
  await rm(profile.file)
  await until(() => keeper.snapshot().state === 'needs-login', 'the sign-out', 5 * SECOND)
  expect(profile.requests).toEqual([])
})

it('adopts a new sign-in while a request hangs, and stops in time', async () => {
  await profile.signIn()
  const keeper = await startKeeper()
  const used = await keeper.acquire()
  keeper.accepted(used)
  profile.answer = () => {}
  const repeat = keeper.rejected(used, { kind: 'rejected' })
  await until(() => profile.requests.length === 1, 'the request')
  const token = await profile.store('of-a-new-sign-in')
  expect((await repeat).fingerprint).toBe(token.fingerprint)
  const started = performance.now()
  await keeper.stop()
  expect(performance.now() - started).toBeLessThan(4 * SECOND)
})

it('sends a dead refresh token once, also over a restart, and takes the next sign-in', async () => {
  await profile.signIn()
  profile.answer = says(400, { error: 'invalid_grant' })
  const first = await startKeeper()
  const used = await first.acquire()
  first.accepted(used)
  await expect(first.rejected(used, { kind: 'rejected' })).rejects.toBeInstanceOf(NeedsLogin)
  expect(first.snapshot()).toMatchObject({ state: 'needs-login', reason: 'revoked', nextAttemptAt: null })
  await first.stop()
  const next = await startKeeper()
  expect(() => next.acquire()).toThrow(NeedsLogin)
  await pause(SECOND / 2)
  expect(profile.requests).toHaveLength(1)
  const token = await profile.signIn('second')
  await until(() => next.snapshot().state === 'healthy', 'the new sign-in', 5 * SECOND)
  expect(next.snapshot().fingerprint).toBe(token.fingerprint)
})

it('spends no second refresh token while the provider rejects what it has just issued', async () => {
  await profile.signIn()
  const clock = new FakeClock(Date.now())
  const keeper = await startKeeper(clock)
  const first = await keeper.acquire()
  keeper.accepted(first)
  const second = await keeper.rejected(first, { kind: 'rejected' })
  await expect(keeper.rejected(second, { kind: 'rejected' })).rejects.toThrow(/rejects/)
  await clock.advance(10 * MINUTE)
  // A request would be on its way by now.
  await pause(SECOND / 2)
  expect(profile.requests).toHaveLength(1)
  expect(keeper.snapshot()).toMatchObject({ state: 'degraded', reason: 'revoked' })
})

it('asks once for a token of a workload identity that lives ten minutes', async () => {
  profile.useWorkloadIdentity()
  profile.answer = (response) => says(200, issued(`workload-${profile.requests.length}`, 600))(response)
  const keeper = await startKeeper()
  await until(() => keeper.snapshot().state === 'healthy', 'the first token')
  await pause(2 * SECOND)
  expect(profile.requests).toHaveLength(1)
  expect(keeper.snapshot().secondsLeft).toBeGreaterThan(590)
})
