import { describe, expect, it } from 'vitest'
import { keeperFixture, signedInFixture } from '../../../test/support/provider/keeper-fixture.ts'
import { DAY, HOUR, MINUTE, SECOND } from '../../support/clock.ts'
import { NeedsLogin, NotPermitted, TransientError } from '../../support/errors.ts'
import type { RefreshOutcome } from '../sign-in.ts'

const dead: RefreshOutcome = { kind: 'terminal', reason: 'revoked', message: 'the sign-in was revoked' }

describe('when a request is rejected', () => {
  it('repeats with the current generation when the rejected one was replaced', async () => {
    const made = await signedInFixture()
    const { clock, own } = made
    const old = await made.acquire()
    await clock.advance(6 * HOUR)
    const current = await made.acquire()
    expect(current).not.toBe(old)
    expect(await made.reject(old)).toBe(current)
    expect(own.refreshes).toHaveLength(1)
  })

  it('adopts a newer token of the store without a token request', async () => {
    const made = await signedInFixture()
    const used = await made.acquire()
    const newer = made.own.issue()
    made.own.stored = { kind: 'present', generation: newer }
    expect((await made.reject(used)).fingerprint).toBe(newer.accessToken.fingerprint)
    expect(made.own.refreshes).toHaveLength(0)
  })

  it('makes one refresh for two hundred that fail one after another', async () => {
    const made = await signedInFixture()
    const used = await made.acquire()
    made.keeper.accepted(used)
    const repeats = []
    for (let count = 0; count < 200; count++) {
      repeats.push(made.reject(used))
      await made.clock.advance(10)
    }
    const all = new Set(await Promise.all(repeats))
    expect(all.size).toBe(1)
    expect(made.own.refreshes).toHaveLength(1)
  })

  it('never refreshes again when the fresh token is rejected, and finds the recovery by a probe', async () => {
    const made = await signedInFixture()
    const { clock, own, keeper } = made
    const first = await made.acquire()
    keeper.accepted(first)
    const second = await made.reject(first)
    await expect(made.reject(second)).rejects.toBeInstanceOf(TransientError)
    expect(keeper.snapshot()).toMatchObject({ state: 'degraded', reason: 'revoked', consecutive401: 2 })
    for (let count = 0; count < 50; count++) expect(() => keeper.acquire()).toThrow(TransientError)
    await clock.advance(20 * MINUTE)
    expect(own.refreshes).toHaveLength(1)
    expect(made.probed.length).toBeGreaterThan(3)
    expect(made.probed.length).toBeLessThan(12)
    expect(made.warnings.filter(({ code }) => code === 'rejected-repeatedly')).toHaveLength(1)
    made.probeAnswer = { kind: 'accepted' }
    await clock.advance(30 * MINUTE)
    expect(keeper.snapshot()).toMatchObject({ state: 'healthy', fingerprint: second.fingerprint })
    keeper.accepted(await made.acquire())
    expect(keeper.snapshot().consecutive401).toBe(0)
  })

  it('does not refresh what the watch brought and was rejected while the refresh was still under way', async () => {
    const made = await signedInFixture()
    const { clock, own, keeper } = made
    const first = await made.acquire()
    keeper.accepted(first)
    const answer = Promise.withResolvers<RefreshOutcome>()
    own.script.push(() => answer.promise)
    const repeat = made.reject(first)
    await clock.advance(SECOND)
    const generation = own.store()
    const second = await repeat
    expect(second.fingerprint).toBe(generation.accessToken.fingerprint)
    const [refused] = await Promise.all([
      made.reject(second).catch((error: unknown) => error),
      clock.advance(SECOND).then(() => answer.resolve({ kind: 'adopted', generation })),
    ])
    expect(refused).toBeInstanceOf(TransientError)
    for (let count = 0; count < 50; count++) expect(() => keeper.acquire()).toThrow(TransientError)
    await clock.advance(20 * MINUTE)
    expect(own.refreshes).toHaveLength(1)
    expect(keeper.snapshot()).toMatchObject({ state: 'degraded', reason: 'revoked' })
  })

  it('remembers the refresh that a rejection causes before it is made', async () => {
    const made = await signedInFixture()
    const first = await made.acquire()
    let remembered: string | null | undefined
    made.own.script.push(() => {
      remembered = made.memory.record?.refreshedAfterRejection
      return { kind: 'renewed', generation: made.own.store() }
    })
    await made.reject(first)
    expect(remembered).toBe(first.fingerprint)
  })

  it('keeps to one refresh over a restart while nothing is accepted', async () => {
    const made = await signedInFixture()
    const first = await made.acquire()
    const second = await made.reject(first)
    await expect(made.reject(second)).rejects.toBeInstanceOf(TransientError)
    await made.restart()
    expect(made.keeper.snapshot()).toMatchObject({ state: 'degraded', reason: 'revoked' })
    await made.clock.advance(HOUR)
    expect(made.own.refreshes).toHaveLength(1)
  })

  it('does not refresh for a missing scope, nor for an organisation or policy that forbids', async () => {
    const scope = await signedInFixture()
    await expect(scope.reject(await scope.acquire(), { kind: 'scope' })).rejects.toBeInstanceOf(NeedsLogin)
    expect(scope.keeper.snapshot()).toMatchObject({ state: 'needs-login', reason: 'scope' })

    const policy = await signedInFixture()
    const used = await policy.acquire()
    await expect(policy.reject(used, { kind: 'not-permitted', reason: 'policy' })).rejects.toBeInstanceOf(
      NotPermitted,
    )
    await policy.restart()
    expect(policy.keeper.snapshot()).toMatchObject({ state: 'not-permitted', reason: 'policy' })
    policy.probeAnswer = { kind: 'rejected', rejection: { kind: 'not-permitted', reason: 'policy' } }
    await policy.clock.advance(10 * HOUR)
    expect(policy.keeper.snapshot()).toMatchObject({ state: 'not-permitted', reason: 'policy' })
    policy.probeAnswer = { kind: 'accepted' }
    await policy.clock.advance(HOUR)
    expect(policy.keeper.snapshot().state).toBe('healthy')
    for (const { own } of [scope, policy]) expect(own.refreshes.length).toBeLessThanOrEqual(1)
  })

  it('lets the API key replace a dead sign-in only where that is allowed', async () => {
    const made = keeperFixture({
      policy: { fallbackApiKey: true },
      variables: { ANTHROPIC_API_KEY: 'sk-ant-api03-TEST' },
    })
    made.own.store()
    await made.keeper.start()
    const used = await made.acquire()
    expect(used.kind).toBe('oauth')
    made.own.script.push(dead)
    const fallback = await made.reject(used)
    expect(fallback).toMatchObject({ kind: 'api-key', source: 'fallback-api-key' })
    expect(made.keeper.snapshot()).toMatchObject({
      state: 'at-risk',
      source: 'fallback-api-key',
      reason: 'revoked',
    })
    expect(made.warnings.map(({ code }) => code)).toContain('fallback-api-key')
    expect((await made.acquire()).kind).toBe('api-key')

    const strict = keeperFixture({ variables: { ANTHROPIC_API_KEY: 'sk-ant-api03-TEST' } })
    strict.own.store()
    await strict.keeper.start()
    strict.own.script.push(dead)
    await expect(strict.reject(await strict.acquire())).rejects.toBeInstanceOf(NeedsLogin)
  })

  it('asks on after a rejected API key, and recovers when the provider takes it again', async () => {
    const made = keeperFixture({ variables: { ANTHROPIC_API_KEY: 'sk-ant-api03-TEST' } })
    await made.keeper.start()
    await expect(made.reject(await made.acquire())).rejects.toBeInstanceOf(NeedsLogin)
    await made.clock.advance(MINUTE)
    made.probeAnswer = { kind: 'accepted' }
    await made.clock.advance(2 * MINUTE)
    expect(made.keeper.snapshot()).toMatchObject({ state: 'healthy', kind: 'api-key' })
  })
})

describe('clocks', () => {
  it('refreshes once after a suspend of nine hours', async () => {
    const { clock, own, keeper } = await signedInFixture()
    clock.jump(9 * HOUR)
    await clock.advance(2 * MINUTE)
    expect(own.refreshes).toHaveLength(1)
    expect(keeper.snapshot().state).toBe('healthy')
  })

  it.each([DAY, -DAY])('makes at most one refresh too many when the clock is set by %d ms', async (jump) => {
    const { clock, own, keeper } = await signedInFixture()
    clock.jump(jump)
    const start = clock.monotonic()
    await clock.advance(DAY)
    await keeper.acquire()
    const expected = (clock.monotonic() - start) / ((8 * HOUR * 2) / 3)
    expect(own.refreshes.length).toBeLessThanOrEqual(Math.ceil(expected) + 1)
    expect(keeper.snapshot().state).toBe('healthy')
  })
})

it("gives up a stored token that has expired by the server's clock, and does so once", async () => {
  const { clock, own, keeper } = await signedInFixture()
  const stored = await keeper.acquire()
  keeper.accepted(stored)
  keeper.noticeServerTime(clock.now() + HOUR)
  await clock.advance(MINUTE)
  expect(own.refreshes).toHaveLength(0)
  // Our clock is two days behind: the token must have ended long ago.
  keeper.noticeServerTime(clock.now() + 2 * DAY)
  await clock.advance(0)
  expect(own.refreshes).toHaveLength(1)
  const refreshed = await keeper.acquire()
  expect(refreshed).not.toBe(stored)
  // What was issued just now was computed on this clock as it stands.
  keeper.accepted(refreshed)
  keeper.noticeServerTime(clock.now() + 2 * DAY)
  await clock.advance(MINUTE)
  expect(own.refreshes).toHaveLength(1)
})

it("goes over to a person's new sign-in of whatever account, and forgets the old trouble", async () => {
  const made = await signedInFixture()
  const { own, keeper, clock } = made
  const first = await made.acquire()
  const second = await made.reject(first)
  await expect(made.reject(second)).rejects.toBeInstanceOf(TransientError)
  own.store(own.issue({ accountId: 'account-2' }))
  await clock.advance(0)
  expect(keeper.snapshot()).toMatchObject({ state: 'healthy', consecutive401: 0 })
  // And the new one has its own right to one refresh.
  keeper.accepted(await made.reject(await made.acquire()))
  expect(own.refreshes).toHaveLength(2)
})

it('leaves a result that comes after a logout to nobody', async () => {
  const { own, keeper, clock } = await signedInFixture()
  const answer = Promise.withResolvers<void>()
  own.script.push(async () => {
    await answer.promise
    return { kind: 'superseded', stored: own.stored }
  })
  await clock.advance(5 * HOUR + 20 * MINUTE)
  own.stored = { kind: 'absent' }
  own.changed()
  await clock.advance(SECOND)
  expect(keeper.snapshot()).toMatchObject({ state: 'needs-login', reason: 'absent', fingerprint: null })
  answer.resolve()
  await clock.advance(DAY)
  expect(keeper.snapshot()).toMatchObject({ state: 'needs-login', reason: 'absent' })
  expect(() => keeper.acquire()).toThrow(NeedsLogin)
})

describe('stopping', () => {
  it('begins no new refresh, and waits for the open one', async () => {
    const { clock, own, keeper } = await signedInFixture()
    const finish = Promise.withResolvers<void>()
    own.script.push(async () => {
      await finish.promise
      return { kind: 'renewed', generation: own.store() }
    })
    await clock.advance(5 * HOUR + 20 * MINUTE)
    let stopped = false
    const stopping = keeper.stop().then(() => (stopped = true))
    await clock.advance(SECOND)
    expect(stopped).toBe(false)
    finish.resolve()
    await stopping
    await clock.advance(DAY)
    expect(own.refreshes).toHaveLength(1)
  })
})

it.each<[string, (made: Made) => Promise<unknown>, string]>([
  ['every token is rejected', rejectEverything, 'degraded:revoked'],
  [
    'the use is not permitted',
    async (made) =>
      made.reject(await made.acquire(), { kind: 'not-permitted', reason: 'policy' }).catch(() => {}),
    'not-permitted:policy',
  ],
  [
    'the endpoint does not answer a rejected token',
    async (made) => {
      made.own.script.push(unanswered)
      const used = await made.acquire()
      made.keeper.accepted(used)
      await made.reject(used).catch(() => {})
    },
    'degraded:network',
  ],
  [
    'the grant is dead',
    async (made) => {
      made.own.script.push(dead)
      const used = await made.acquire()
      made.keeper.accepted(used)
      await made.reject(used).catch(() => {})
    },
    'needs-login:revoked',
  ],
])('a command that looks on sees the state of the keeper that runs: %s', async (_what, happens, expected) => {
  const made = await signedInFixture()
  await happens(made)
  await made.clock.advance(SECOND)
  const { state, reason } = made.keeper.snapshot()
  expect(`${state}:${reason}`).toBe(expected)
  expect(await made.lookOn()).toMatchObject({ state, reason })
})

it('keeps the pause over a restart when the refresh of a rejected token has failed', async () => {
  const made = await signedInFixture()
  made.own.script.push(unanswered)
  const used = await made.acquire()
  made.keeper.accepted(used)
  await made.reject(used).catch(() => {})
  await made.restart()
  await made.clock.advance(SECOND)
  expect(made.own.refreshes).toHaveLength(1)
  expect(made.keeper.snapshot()).toMatchObject({ state: 'degraded', reason: 'network' })
  await made.clock.advance(MINUTE)
  expect(made.own.refreshes).toHaveLength(2)
  expect(made.keeper.snapshot().state).toBe('healthy')
})

type Made = Awaited<ReturnType<typeof signedInFixture>>

const unanswered: RefreshOutcome = {
  kind: 'transient',
  reason: 'network',
  message: 'no answer',
  retryAfterMs: null,
  ambiguous: false,
}

async function rejectEverything(made: Made): Promise<void> {
  const first = await made.acquire()
  made.keeper.accepted(first)
  const second = await made.reject(first)
  await made.reject(second).catch(() => {})
}
