import { describe, expect, it } from 'vitest'
import { FakeClock } from '../../../test/support/fake-clock.ts'
import { keeperFixture, signedInFixture } from '../../../test/support/provider/keeper-fixture.ts'
import { DAY, HOUR, MINUTE, SECOND, type Timer } from '../../support/clock.ts'
import { NeedsLogin, TransientError } from '../../support/errors.ts'
import type { Credential } from '../credential.ts'
import type { RefreshOutcome } from '../sign-in.ts'

const outage: RefreshOutcome = {
  kind: 'transient',
  reason: 'network',
  message: 'the token endpoint cannot be reached',
  retryAfterMs: null,
  ambiguous: false,
}
const dead: RefreshOutcome = { kind: 'terminal', reason: 'revoked', message: 'the sign-in was revoked' }

/** A real clock: time passes while the program reads it, and a timer may fire a moment early. */
class PassingClock extends FakeClock {
  passing = false

  override now(): number {
    const now = super.now()
    if (this.passing) this.jump(0.4)
    return now
  }

  override setTimer(callback: () => void, delayMs: number): Timer {
    return super.setTimer(callback, this.passing && delayMs > 1 ? delayMs - 1 : delayMs)
  }
}

describe('ahead of time', () => {
  it('refreshes its own sign-in at two thirds of its life, without any request', async () => {
    const { clock, own, keeper } = await signedInFixture()
    const start = clock.now()
    await clock.advance(5 * HOUR)
    expect(own.refreshes).toEqual([])
    await clock.advance(HOUR)
    expect(own.refreshes).toHaveLength(1)
    expect((own.refreshes[0]! - start) / (8 * HOUR)).toBeCloseTo(2 / 3, 2)
    expect(keeper.snapshot()).toMatchObject({ state: 'healthy', lastRefresh: { outcome: 'renewed' } })
  })

  it('refreshes a borrowed sign-in only in its last quarter of an hour', async () => {
    const { clock, claudeCode, keeper } = keeperFixture({
      variables: { ANTHROPIC_TOKEN: 'sk-ant-oat01-TEST-static' },
    })
    claudeCode.store()
    await keeper.start()
    expect(keeper.snapshot()).toMatchObject({ source: 'claude-code', renewable: true, state: 'healthy' })
    await clock.advance(7 * HOUR + 44 * MINUTE)
    expect(claudeCode.refreshes).toHaveLength(0)
    await clock.advance(2 * MINUTE)
    expect(claudeCode.refreshes).toHaveLength(1)
  })

  it('whose borrowed sign-in dies in its last minutes leaves the alert to the outage, and names its program', async () => {
    const fixture = keeperFixture({ variables: {}, policy: { adoptClaudeCode: true } })
    const { clock, claudeCode, keeper } = fixture
    claudeCode.store()
    claudeCode.script.push(dead)
    await keeper.start()
    await clock.advance(7 * HOUR + 46 * MINUTE)
    expect(keeper.snapshot()).toMatchObject({ state: 'at-risk', reason: 'revoked' })
    const told = () => fixture.warnings.map(({ code, command, alert }) => [code, command, alert])
    expect(told()).toEqual([
      ['sign-in-ended', 'claude auth login', false],
      ['unrenewable', 'claude auth login', false],
    ])
    await fixture.restart()
    await clock.advance(HOUR)
    expect(fixture.keeper.snapshot()).toMatchObject({ state: 'needs-login', reason: 'revoked' })
    expect(told().filter(([, , alert]) => alert)).toEqual([])
  })

  it('lets nobody wait before the last minutes, and one refresh serve a thousand that do', async () => {
    const { clock, own, keeper } = await signedInFixture()
    const finish = Promise.withResolvers<void>()
    own.script.push(outage, async () => {
      await finish.promise
      return { kind: 'renewed', generation: own.store() }
    })
    // The try ahead of time fails and the pause is still running when the last minutes begin.
    await clock.advance(5 * HOUR + 20 * MINUTE)
    expect(keeper.acquire()).not.toBeInstanceOf(Promise)
    await clock.advance(10 * SECOND)
    // The second try is under way, and the old token is good for hours: nobody waits.
    expect(own.refreshes).toHaveLength(2)
    expect(keeper.acquire()).not.toBeInstanceOf(Promise)
    finish.resolve()
    await clock.advance(0)
    expect(keeper.snapshot().state).toBe('healthy')
    expect(own.refreshes).toHaveLength(2)
  })

  it('makes one token request for a thousand requests at the moment of expiry', async () => {
    const { clock, own, keeper } = await signedInFixture()
    const old = keeper.acquire()
    clock.jump(8 * HOUR)
    const all = await Promise.all(Array.from({ length: 1_000 }, async () => keeper.acquire()))
    expect(own.refreshes).toHaveLength(1)
    expect(new Set(all).size).toBe(1)
    expect(all[0]).not.toBe(old)
  })

  it('lets a request wait 30 s at most, then says when it may come again', async () => {
    const { clock, own, keeper } = await signedInFixture()
    own.script.push(() => new Promise(() => {}))
    clock.jump(8 * HOUR)
    const waiting = (async () => keeper.acquire())()
    const failure = waiting.catch((error: unknown) => error)
    await clock.advance(30 * SECOND)
    expect(await failure).toBeInstanceOf(TransientError)
  })

  it('uses the token while it lives when the refresh takes too long', async () => {
    const { clock, own, keeper } = await signedInFixture()
    const old = keeper.acquire()
    own.script.push(outage)
    await clock.advance(5 * HOUR + 20 * MINUTE)
    clock.jump(2 * HOUR + 38 * MINUTE)
    own.script.push(() => new Promise(() => {}))
    expect(await keeper.acquire()).toBe(old)
  })
})

describe('when the token endpoint fails', () => {
  it('pauses from 5 s to 5 min, and traffic causes no further try', async () => {
    const { clock, own, keeper } = await signedInFixture()
    for (let count = 0; count < 40; count++) own.script.push(outage)
    await clock.advance(5 * HOUR + 20 * MINUTE)
    for (let count = 0; count < 600; count++) {
      await keeper.acquire()
      await clock.advance(SECOND)
    }
    const pauses = own.refreshes
      .slice(1)
      .map((at, index) => Math.round((at - own.refreshes[index]!) / SECOND))
    expect(pauses.slice(0, 5)).toEqual([5, 10, 20, 40, 80])
    expect(keeper.snapshot()).toMatchObject({ state: 'at-risk', reason: 'network' })
    await clock.advance(HOUR)
    expect(own.refreshes.length).toBeLessThan(24)
  })

  it('obeys Retry-After, an hour at most, also after a restart', async () => {
    const made = await signedInFixture()
    const { clock, own } = made
    own.script.push({ ...outage, reason: 'rate-limited', retryAfterMs: 120 * SECOND })
    own.script.push({ ...outage, reason: 'rate-limited', retryAfterMs: 99_999 * SECOND })
    await clock.advance(5 * HOUR + 20 * MINUTE)
    const first = own.refreshes[0]!
    await made.restart()
    expect(made.keeper.snapshot()).toMatchObject({ state: 'at-risk', reason: 'rate-limited' })
    await clock.advance(first + 119 * SECOND - clock.now())
    expect(own.refreshes).toHaveLength(1)
    await clock.advance(2 * SECOND)
    expect(own.refreshes).toHaveLength(2)
    await made.restart()
    await clock.advance(59 * MINUTE)
    expect(own.refreshes).toHaveLength(2)
    await clock.advance(2 * MINUTE)
    expect(own.refreshes).toHaveLength(3)
    expect(made.keeper.snapshot().state).toBe('healthy')
  })

  it('sends nothing again while the old token lives after an ambiguous outcome, then step by step', async () => {
    const { clock, own, keeper } = await signedInFixture()
    own.script.push({ ...outage, ambiguous: true }, { ...outage, ambiguous: true })
    await clock.advance(7 * HOUR)
    expect(own.refreshes).toHaveLength(1)
    expect(keeper.snapshot()).toMatchObject({ state: 'at-risk', reason: 'network' })
    await clock.advance(HOUR + MINUTE)
    expect(own.refreshes.length).toBeGreaterThanOrEqual(2)
    await clock.advance(10 * MINUTE)
    expect(keeper.snapshot().state).toBe('healthy')
  })

  it('says at once that the token has ended, also where it ends between a check of it and the next timer', async () => {
    const clock = new PassingClock()
    const made = await signedInFixture({ clock })
    made.own.script.push(dead)
    await clock.advance(7 * HOUR)
    expect(made.keeper.snapshot()).toMatchObject({ state: 'at-risk', reason: 'revoked' })
    clock.passing = true
    await clock.advance(HOUR + SECOND)
    expect(made.keeper.snapshot()).toMatchObject({ state: 'needs-login', reason: 'revoked' })
  })

  it('makes one request for a dead grant, keeps the token while it lives, and takes a new sign-in', async () => {
    const made = await signedInFixture()
    const { clock, own, keeper, notices } = made
    own.script.push(dead)
    await clock.advance(5 * HOUR + 21 * MINUTE)
    expect(keeper.snapshot()).toMatchObject({ state: 'at-risk', reason: 'revoked', nextAttemptAt: null })
    expect(made.warnings.map(({ code }) => code)).toContain('sign-in-ended')
    await made.restart()
    await clock.advance(3 * HOUR)
    expect(made.keeper.snapshot()).toMatchObject({ state: 'needs-login', reason: 'revoked' })
    expect(() => made.keeper.acquire()).toThrow(NeedsLogin)
    await clock.advance(DAY)
    expect(own.refreshes).toHaveLength(1)
    own.store()
    await clock.advance(0)
    expect(made.keeper.snapshot().state).toBe('healthy')
    expect(notices.filter(({ type }) => type === 'refresh')).toHaveLength(1)
  })

  it('takes what a sibling stored instead of declaring the sign-in dead', async () => {
    const { clock, own, keeper } = await signedInFixture()
    own.script.push(() => {
      own.store()
      return dead
    })
    await clock.advance(6 * HOUR)
    expect(keeper.snapshot()).toMatchObject({ state: 'healthy' })
    expect(own.refreshes).toHaveLength(1)
  })

  it('serves a token that cannot be saved, and says so until there is room', async () => {
    const { clock, own, keeper } = await signedInFixture()
    own.savesSucceed = false
    own.script.push(() => ({
      kind: 'unsaved',
      generation: own.issue(),
      message: 'no space left on device',
    }))
    await clock.advance(5 * HOUR + 21 * MINUTE)
    const unsaved = keeper.acquire() as Credential
    expect(keeper.snapshot()).toMatchObject({
      state: 'at-risk',
      reason: 'store',
      secondsLeft: 8 * 3_600 - 60,
    })
    await clock.advance(MINUTE)
    own.changed()
    await clock.advance(MINUTE)
    expect(keeper.acquire()).toBe(unsaved)
    own.savesSucceed = true
    await clock.advance(5 * MINUTE)
    expect(keeper.snapshot()).toMatchObject({ state: 'healthy', fingerprint: unsaved.fingerprint })
    expect(own.refreshes).toHaveLength(1)
  })
})
