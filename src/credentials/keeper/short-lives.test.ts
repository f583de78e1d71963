import { describe, expect, it } from 'vitest'
import { FakeClock } from '../../../test/support/fake-clock.ts'
import { MemorySignIn } from '../../../test/support/provider/memory-sign-in.ts'
import {
  FOUND,
  keepAlive,
  ONE_AN_EXPIRY,
  SOURCES,
  useTokens,
} from '../../../test/support/provider/short-lived-sources.ts'
import { DAY, HOUR, MINUTE, SECOND } from '../../support/clock.ts'
import { Secret } from '../../support/secret.ts'
import type { Generation } from '../sign-in.ts'
import { NOTHING_TO_WATCH, type CredentialSource } from '../sources/decision.ts'
import { profileGeneration, profileSource } from '../sources/profile.ts'
import { onDemandSource } from '../sources/refresh-command.ts'
import { claudeCodeSource, ownSource } from '../sources/sources.ts'

/** The shorter ones live through thirty days in the tests of the faults. */
describe.each(Object.entries(SOURCES))('%s', (_name, make) => {
  it.each([
    [20, 6 * HOUR],
    [30, 6 * HOUR],
    [600, 30 * DAY],
    [900, 30 * DAY],
  ])(
    'whose tokens live %d s is refreshed once an expiry and at no other time',
    { timeout: 120_000 },
    async (seconds, forMs) => {
      const used = await useTokens(make, seconds, forMs)
      expect(used).toMatchObject(ONE_AN_EXPIRY)
      expect(used.requests).toBeGreaterThanOrEqual(Math.floor(forMs / (seconds * SECOND)))
    },
  )
})

describe.each(Object.entries(SOURCES))('%s whose tokens are over when they come', (_name, make) => {
  it.each([0, 1, 5])('(%d s) is asked every ten seconds at the most', async (seconds) => {
    const clock = new FakeClock()
    const { source, asked } = make(clock, seconds * SECOND)
    const keeper = await keepAlive(clock, source)
    for (let second = 0; second < 600; second++) {
      try {
        void Promise.resolve(keeper.acquire()).catch(() => {})
      } catch {
        // Held: there is no token that lives.
      }
      await clock.advance(SECOND)
    }
    const pauses = asked.slice(1).map((at, index) => at - asked[index]!)
    expect(Math.min(...pauses)).toBeGreaterThanOrEqual(10 * SECOND)
    expect(asked.length).toBeGreaterThan(30)
  })
})

describe.each(Object.entries(SOURCES))('%s on a clock that is set', (_name, make) => {
  it.each([DAY, -DAY, HOUR, -HOUR])('by %d ms is asked once more at the most', async (jump) => {
    const lifeMs = 10 * MINUTE
    const clock = new FakeClock()
    const { source, asked } = make(clock, lifeMs)
    const keeper = await keepAlive(clock, source)
    await clock.advance(HOUR)
    const before = asked.length
    clock.jump(jump)
    await clock.advance(HOUR)
    const inAnHour = HOUR / lifeMs / 0.6
    expect(asked.length - before).toBeLessThanOrEqual(Math.ceil(inAnHour) + 1)
    expect(keeper.snapshot()).toMatchObject({ state: 'healthy', reason: null })
    expect((await keeper.acquire()).expiresAt!).toBeGreaterThan(clock.now())
  })
})

describe.each(['own', 'borrowed', 'profile', 'command'] as const)(
  '%s, whose tokens do not say when they end',
  (kind) => {
    it('is asked when one was rejected, and at no other time in thirty days', async () => {
      const clock = new FakeClock()
      const asked: number[] = []
      const next = () => {
        asked.push(clock.now())
        const token = new Secret(`sk-ant-oat01-TEST-unknown-${asked.length}`)
        return { ...profileGeneration(token, null, null), refreshToken: new Secret('sk-ant-ort01-TEST') }
      }
      const keeper = await keepAlive(clock, unknownLife(kind, clock, next))
      let used = await keeper.acquire()
      keeper.accepted(used)
      const begun = asked.length
      for (let day = 1; day <= 30; day++) {
        await clock.advance(DAY)
        // Every second day the provider says that the token has ended.
        if (day % 2 === 0) used = await keeper.rejected(used, { kind: 'rejected' })
        keeper.accepted(await keeper.acquire())
      }
      expect(asked.length - begun).toBe(15)
      expect(keeper.snapshot()).toMatchObject({ state: 'healthy', reason: null })
    })
  },
)

function unknownLife(
  kind: 'own' | 'borrowed' | 'profile' | 'command',
  clock: FakeClock,
  next: () => Generation,
): CredentialSource {
  if (kind === 'profile') {
    return profileSource({
      find: async () => FOUND,
      watch: () => NOTHING_TO_WATCH,
      refresh: async () => ({ kind: 'renewed', generation: next() }),
    })
  }
  if (kind === 'command') {
    return onDemandSource('vault', async () => ({ kind: 'renewed', generation: next() }))
  }
  const signIn = new MemorySignIn(clock)
  signIn.issue = next
  signIn.store()
  return kind === 'own'
    ? ownSource({ place: 'own', signIns: signIn, allowSandboxTokens: false })
    : claudeCodeSource({ place: 'claude-code', signIn, adopt: true })
}
