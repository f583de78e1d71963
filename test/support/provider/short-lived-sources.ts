import { Keeper } from '../../../src/credentials/keeper/keeper.ts'
import type { KeeperMemory } from '../../../src/credentials/keeper/record.ts'
import {
  createResolver,
  NOTHING_TO_WATCH,
  type CredentialSource,
} from '../../../src/credentials/sources/decision.ts'
import {
  profileGeneration,
  profileSource,
  type FoundProfile,
} from '../../../src/credentials/sources/profile.ts'
import { claudeCodeSource, ownSource } from '../../../src/credentials/sources/sources.ts'
import { SECOND, type Clock } from '../../../src/support/clock.ts'
import { Secret } from '../../../src/support/secret.ts'
import { FakeClock } from '../fake-clock.ts'
import { randomOfThisTest } from '../test-chance.ts'
import { FakeMemory, MemorySignIn } from './memory-sign-in.ts'
import { afterThisTest } from './signed-in.ts'

/** One source, and the moments at which it was asked for a token. */
interface Asked {
  readonly source: CredentialSource
  readonly asked: readonly number[]
}

export const FOUND: FoundProfile = {
  place: 'profile',
  stored: null,
  isSignedOut: false,
  renewable: true,
  headers: {},
  baseUrl: null,
}

/**
 * A gateway that keeps the credential of `source` alive until the end of the test.
 *
 * @param memory of the gateways before it
 */
export async function keepAlive(
  clock: Clock,
  source: CredentialSource,
  memory: KeeperMemory = new FakeMemory(),
): Promise<Keeper> {
  const keeper = new Keeper({
    resolver: createResolver([source], { adoptClaudeCode: true, fallbackApiKey: false }),
    memory,
    clock,
    random: () => 0.5,
    probe: async () => ({ kind: 'unknown' }),
  })
  afterThisTest(() => keeper.stop())
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

/** Every kind of source whose tokens say when they end. */
export const SOURCES: Record<string, (clock: FakeClock, lifeMs: number) => Asked> = {
  'a sign-in of its own': (clock, lifeMs) => stored(clock, lifeMs, false, true),
  'a sign-in of its own of unknown age': (clock, lifeMs) => stored(clock, lifeMs, false, false),
  'a borrowed sign-in': (clock, lifeMs) => stored(clock, lifeMs, true, true),
  'a borrowed sign-in of unknown age': (clock, lifeMs) => stored(clock, lifeMs, true, false),
  'a profile': profile,
}

export interface Used {
  /** How often a token had ended when it was used. */
  readonly dead: number
  /** Pauses between two requests that were below 60 % of a life, or longer than one. */
  readonly outOfTime: readonly number[]
  readonly requests: number
  readonly state: string
}

/** Uses tokens that live `seconds` for `forMs`, at moments of chance. */
export async function useTokens(
  make: (clock: FakeClock, lifeMs: number) => Asked,
  seconds: number,
  forMs: number,
): Promise<Used> {
  const lifeMs = seconds * SECOND
  const clock = new FakeClock()
  const { source, asked } = make(clock, lifeMs)
  const keeper = await keepAlive(clock, source)
  const random = randomOfThisTest()
  const end = clock.now() + forMs
  let dead = 0
  while (clock.now() < end) {
    await clock.advance(lifeMs * random() * 0.7)
    const { expiresAt } = await keeper.acquire()
    if (expiresAt! <= clock.now()) dead++
  }
  const pauses = asked.slice(1).map((at, index) => at - asked[index]!)
  return {
    dead,
    outOfTime: pauses.filter((pause) => pause < lifeMs * 0.6 || pause > lifeMs),
    requests: asked.length,
    state: keeper.snapshot().state,
  }
}

/** One request for each token, and none in vain. */
export const ONE_AN_EXPIRY = { dead: 0, outOfTime: [], state: 'healthy' } as const
