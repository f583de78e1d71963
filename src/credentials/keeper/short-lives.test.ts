import { afterEach, describe, expect, it } from 'vitest'
import { FakeClock } from '../../../test/support/fake-clock.ts'
import { FakeMemory, MemorySignIn } from '../../../test/support/provider/memory-sign-in.ts'
import { randomOfThisTest } from '../../../test/support/test-chance.ts'
import { DAY, HOUR, MINUTE, SECOND } from '../../support/clock.ts'
import { Secret } from '../../support/secret.ts'
import type { Generation } from '../sign-in.ts'
import { createResolver, NOTHING_TO_WATCH, type CredentialSource } from '../sources/decision.ts'
import { profileGeneration, profileSource, type FoundProfile } from '../sources/profile.ts'
import { onDemandSource } from '../sources/refresh-command.ts'
import { claudeCodeSource, ownSource } from '../sources/sources.ts'
import { Keeper } from './keeper.ts'

/** One source, and the moments at which it was asked for a token. */
interface Asked {
  readonly source: CredentialSource
  readonly asked: readonly number[]
}

const FOUND: FoundProfile = {
  place: 'profile',
  stored: null,
  isSignedOut: false,
  renewable: true,
  headers: {},
  baseUrl: null,
}

const open: Keeper[] = []
afterEach(async () => {
  for (const keeper of open.splice(0)) await keeper.stop()
})

async function keepAlive(clock: FakeClock, source: CredentialSource): Promise<Keeper> {
  const keeper = new Keeper({
    resolver: createResolver([source], { adoptClaudeCode: true, fallbackApiKey: false }),
    memory: new FakeMemory(),
    clock,
    random: () => 0.5,
    probe: async () => ({ kind: 'unknown' }),
  })
  open.push(keeper)
  await keeper.start()
  return keeper
}

function stored(clock: FakeClock, lifeMs: number, borrowed: boolean, issuedAtKnown: boolean): Asked {
  const signIn = new MemorySignIn(clock, lifeMs)
  const issue = signIn.issue.bind(signIn)
  signIn.issue = (changes) => issue({ ...changes, ...(issuedAtKnown ? {} : { issuedAt: null }) })
  signIn.store()
  const source = borrowed
    ? claudeCodeSource({ place: 'claude-code', signIn, adopt: true })
    : ownSource({ place: 'own', signIns: signIn, allowSandboxTokens: false })
  return { source, asked: signIn.refreshes }
}

function profile(clock: FakeClock, lifeMs: number): Asked {
  const asked: number[] = []
  const source = profileSource({
    find: async () => FOUND,
    watch: () => NOTHING_TO_WATCH,
    async refresh() {
      const now = clock.now()
      asked.push(now)
      const token = new Secret(`sk-ant-oat01-TEST-${asked.length}`)
      return { kind: 'renewed', generation: profileGeneration(token, now + lifeMs, now) }
    },
  })
  return { source, asked }
}

const SOURCES: Record<string, (clock: FakeClock, lifeMs: number) => Asked> = {
  'a sign-in of its own': (clock, lifeMs) => stored(clock, lifeMs, false, true),
  'a sign-in of its own of unknown age': (clock, lifeMs) => stored(clock, lifeMs, false, false),
  'a borrowed sign-in': (clock, lifeMs) => stored(clock, lifeMs, true, true),
  'a borrowed sign-in of unknown age': (clock, lifeMs) => stored(clock, lifeMs, true, false),
  'a profile': profile,
}

/** Thirty days of tokens that live 20 s are two hundred thousand refreshes: those days are shorter. */
const timeFor = (lifeMs: number) => (lifeMs >= 10 * MINUTE ? 30 * DAY : 6 * HOUR)

describe.each(Object.entries(SOURCES))('%s', (_name, make) => {
  it.each([20, 30, 600, 900])(
    'whose tokens live %d s is refreshed once an expiry and at no other time',
    { timeout: 120_000 },
    async (seconds) => {
      const lifeMs = seconds * SECOND
      const clock = new FakeClock()
      const { source, asked } = make(clock, lifeMs)
      const keeper = await keepAlive(clock, source)
      const random = randomOfThisTest()
      const end = clock.now() + timeFor(lifeMs)
      let dead = 0
      while (clock.now() < end) {
        await clock.advance(lifeMs * random() * 0.7)
        const { expiresAt } = await keeper.acquire()
        if (expiresAt! <= clock.now()) dead++
      }
      expect(dead).toBe(0)
      // Each token is asked for once: not before 60 % of the life of the one before it, and not after its end.
      const pauses = asked.slice(1).map((at, index) => at - asked[index]!)
      expect(Math.min(...pauses)).toBeGreaterThanOrEqual(lifeMs * 0.6)
      expect(Math.max(...pauses)).toBeLessThanOrEqual(lifeMs)
      expect(asked.length).toBeGreaterThanOrEqual(Math.floor(timeFor(lifeMs) / lifeMs))
      expect(keeper.snapshot()).toMatchObject({ state: 'healthy', reason: null })
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
