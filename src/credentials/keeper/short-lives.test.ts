import { afterEach, describe, expect, it } from 'vitest'
import { FakeClock } from '../../../test/support/fake-clock.ts'
import { FakeMemory, MemorySignIn } from '../../../test/support/provider/memory-sign-in.ts'
import { DAY, HOUR, MINUTE, SECOND } from '../../support/clock.ts'
import { Secret } from '../../support/secret.ts'
import { createResolver } from '../sources/decision.ts'
import { profileGeneration, profileSource } from '../sources/profile.ts'
import { NOTHING_TO_WATCH, type CredentialSource } from '../sources/source.ts'
import { claudeCodeSource, ownSource } from '../sources/stored-sources.ts'
import { Keeper } from './keeper.ts'

/** One source, and the moments at which it was asked for a token. */
interface Asked {
  readonly source: CredentialSource
  readonly asked: readonly number[]
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
    find: async () => ({ place: 'profile', stored: null, isSignedOut: false, renewable: true, headers: {} }),
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

/** The thirty days of a sign-in where that is quick, else some hundred lives. */
const timeFor = (lifeMs: number) => (lifeMs >= 10 * MINUTE ? 30 * DAY : HOUR)

describe.each(Object.entries(SOURCES))('%s', (_name, make) => {
  it.each([20, 30, 600, 900])(
    'whose tokens live %d s is refreshed once an expiry and at no other time',
    { timeout: 120_000 },
    async (seconds) => {
      const lifeMs = seconds * SECOND
      const clock = new FakeClock()
      const { source, asked } = make(clock, lifeMs)
      const keeper = await keepAlive(clock, source)
      await clock.advance(timeFor(lifeMs))
      // Refreshed at two thirds of its life, or at 60 % at the earliest.
      const expected = timeFor(lifeMs) / lifeMs
      expect(asked.length).toBeGreaterThanOrEqual(Math.floor(expected))
      expect(asked.length).toBeLessThanOrEqual(Math.ceil(expected / 0.6) + 1)
      const pauses = asked.slice(1).map((at, index) => at - asked[index]!)
      expect(Math.min(...pauses)).toBeGreaterThanOrEqual(lifeMs * 0.6)
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
