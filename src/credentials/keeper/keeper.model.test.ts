import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { FakeClock } from '../../../test/support/fake-clock.ts'
import { FakeMemory } from '../../../test/support/provider/memory-sign-in.ts'
import { TokenFixture, type EndpointMood } from '../../../test/support/provider/token-fixture.ts'
import { assertProperty } from '../../../test/support/test-chance.ts'
import { DAY, HOUR, MINUTE, SECOND } from '../../support/clock.ts'
import { HermesError } from '../../support/errors.ts'
import type { Credential } from '../credential.ts'
import { createResolver } from '../sources/decision.ts'
import { ownSource } from '../sources/sources.ts'
import { Keeper } from './keeper.ts'

/** One thing that happens to a gateway in its months of life. */
type Step =
  | { readonly do: 'requests'; readonly count: number }
  | { readonly do: 'pass'; readonly ms: number }
  | { readonly do: 'set-clock'; readonly ms: number }
  | { readonly do: 'mood'; readonly mood: EndpointMood }
  | { readonly do: 'reject-all'; readonly on: boolean }
  | {
      readonly do:
        | 'sign-in'
        | 'logout'
        | 'foreign-rotation'
        | 'revoke-access'
        | 'revoke-families'
        | 'crash'
        | 'restart'
    }

/** Just after the refresh of a token of eight hours has begun. */
const REFRESH_TIME = (2 / 3) * 8 * HOUR + 5 * SECOND

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('requests' as const), count: fc.integer({ min: 1, max: 8 }) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('pass' as const),
      ms: fc.constantFrom(SECOND, 10 * SECOND, MINUTE, 10 * MINUTE, HOUR, 3 * HOUR, REFRESH_TIME, 9 * HOUR),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('set-clock' as const),
      ms: fc.constantFrom(-DAY, -HOUR, HOUR, 9 * HOUR, DAY),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('mood' as const),
      mood: fc.constantFrom<EndpointMood>(
        'well',
        'well',
        'unreachable',
        'fails',
        'rotates-and-fails',
        'rotates-and-hangs',
      ),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('reject-all' as const), on: fc.boolean() }) },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constantFrom(
        'sign-in',
        'logout',
        'foreign-rotation',
        'revoke-access',
        'revoke-families',
        'crash',
        'restart',
      ),
    }),
  },
)

/** A gateway and its fixture; every step leaves the promises kept, or the fixture says which was broken. */
class Life {
  readonly clock = new FakeClock()
  readonly fixture = new TokenFixture(this.clock)
  memory = new FakeMemory()
  keeper!: Keeper
  #open: Promise<unknown>[] = []
  #crashed: Keeper | null = null

  async begin(): Promise<void> {
    const source = ownSource({ place: 'fixture', signIns: this.fixture, allowSandboxTokens: false })
    this.keeper = new Keeper({
      resolver: createResolver([source], { adoptClaudeCode: false, fallbackApiKey: false }),
      memory: this.memory,
      clock: this.clock,
      random: () => 0.5,
      probe: async ({ secret }) =>
        this.fixture.probe(secret)
          ? { kind: 'accepted' }
          : { kind: 'rejected', rejection: { kind: 'rejected' } },
    })
    this.fixture.processStarts()
    await this.keeper.start()
  }

  async take(step: Step): Promise<void> {
    const { fixture, clock } = this
    switch (step.do) {
      case 'requests':
        for (let count = 0; count < step.count; count++) this.#open.push(this.#request())
        await clock.advance(0)
        return
      case 'pass':
        await clock.advance(step.ms)
        return
      case 'set-clock':
        clock.jump(step.ms)
        return
      case 'mood':
        fixture.mood = step.mood
        return
      case 'reject-all':
        fixture.rejectsAll = step.on
        return
      case 'sign-in':
        fixture.signIn()
        break
      case 'logout':
        fixture.logout()
        break
      case 'foreign-rotation':
        fixture.foreignRotation()
        break
      case 'revoke-access':
        fixture.revokeAccess()
        break
      case 'revoke-families':
        fixture.revokeFamilies()
        break
      case 'crash':
        // The old process is gone: nothing of it runs on, and nothing more of it is written down.
        fixture.crash()
        this.#crashed = this.keeper
        this.memory = this.memory.afterCrash()
        await Promise.all([this.keeper.stop(), clock.advance(36 * SECOND)])
        await this.begin()
        break
      case 'restart':
        await Promise.all([this.keeper.stop(), clock.advance(36 * SECOND)])
        await this.begin()
        break
    }
    await clock.advance(0)
  }

  /** As the model client does it: one repeat with what the recovery steps give. */
  async #request(): Promise<boolean> {
    const { keeper, fixture } = this
    // What a process that has ended still had never leaves it.
    const accepts = (credential: Credential) =>
      keeper === this.keeper && keeper !== this.#crashed && fixture.request(credential.secret)
    try {
      const first = await keeper.acquire()
      if (accepts(first)) {
        keeper.accepted(first)
        return true
      }
      const second = await keeper.rejected(first, { kind: 'rejected' })
      if (accepts(second)) {
        keeper.accepted(second)
        return true
      }
      await keeper.rejected(second, { kind: 'rejected' })
      return false
    } catch (error) {
      // Held, in the gateway; anything else is a bug.
      if (error instanceof HermesError) return false
      throw error
    }
  }

  /** Everything is well again and a person has signed in: the gateway must find its way back alone. */
  async heal(): Promise<boolean> {
    const { fixture, clock } = this
    fixture.mood = 'well'
    fixture.rejectsAll = false
    await clock.advance(MINUTE)
    fixture.signIn()
    await clock.advance(5 * SECOND)
    await clock.advance(2 * HOUR)
    await Promise.all(this.#open)
    return this.#request()
  }
}

/** Rare orders that chance seldom makes, each of which once broke a promise or would. */
const KNOWN_LIVES: [Step[]][] = [
  [
    [
      { do: 'reject-all', on: true },
      { do: 'pass', ms: 9 * HOUR },
      { do: 'mood', mood: 'rotates-and-hangs' },
      { do: 'pass', ms: 3 * HOUR },
      { do: 'requests', count: 1 },
      { do: 'crash' },
    ],
  ],
  [
    [
      { do: 'pass', ms: 9 * HOUR },
      { do: 'mood', mood: 'fails' },
      { do: 'pass', ms: 3 * HOUR },
      { do: 'set-clock', ms: HOUR },
      { do: 'revoke-families' },
      { do: 'requests', count: 1 },
    ],
  ],
  [
    [
      { do: 'set-clock', ms: HOUR },
      { do: 'crash' },
      { do: 'set-clock', ms: -DAY },
      { do: 'mood', mood: 'rotates-and-fails' },
      { do: 'pass', ms: 9 * HOUR },
    ],
  ],
  [
    [
      { do: 'reject-all', on: true },
      { do: 'mood', mood: 'rotates-and-hangs' },
      { do: 'requests', count: 1 },
      { do: 'sign-in' },
      { do: 'crash' },
      { do: 'requests', count: 1 },
    ],
  ],
  [
    [
      { do: 'mood', mood: 'rotates-and-hangs' },
      { do: 'pass', ms: REFRESH_TIME },
      { do: 'crash' },
      { do: 'requests', count: 3 },
      { do: 'pass', ms: HOUR },
    ],
  ],
  [
    [
      { do: 'mood', mood: 'fails' },
      { do: 'set-clock', ms: DAY },
      { do: 'requests', count: 1 },
      { do: 'set-clock', ms: -DAY },
      { do: 'requests', count: 1 },
      { do: 'pass', ms: MINUTE },
    ],
  ],
  [
    [
      { do: 'reject-all', on: true },
      { do: 'requests', count: 8 },
      { do: 'foreign-rotation' },
      { do: 'restart' },
      { do: 'requests', count: 8 },
    ],
  ],
]

it('keeps its promises through whatever happens, in whatever order', { timeout: 120_000 }, async () => {
  await assertProperty(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
      const life = new Life()
      life.fixture.signIn()
      await life.begin()
      try {
        for (const each of steps) {
          await life.take(each)
          expect(life.fixture.breaches).toEqual([])
        }
        expect(await life.heal()).toBe(true)
        expect(life.keeper.snapshot().state).toBe('healthy')
        const { stored } = life.fixture
        const inStore = stored.kind === 'present' ? stored.generation.accessToken.fingerprint : null
        expect(life.keeper.snapshot().fingerprint).toBe(inStore)
        expect(life.fixture.breaches).toEqual([])
      } finally {
        await Promise.all([life.keeper.stop(), life.clock.advance(36 * SECOND)])
      }
    }),
    { numRuns: Number(process.env['MODEL_RUNS'] ?? 150), examples: KNOWN_LIVES },
  )
})

it('never asks the token endpoint more often than its back-off allows, whatever the traffic', async () => {
  const life = new Life()
  life.fixture.signIn()
  await life.begin()
  life.fixture.mood = 'fails'
  await life.clock.advance(9 * HOUR)
  const before = life.fixture.sends
  for (let second = 0; second < 600; second++) {
    await life.take({ do: 'requests', count: 5 })
    await life.clock.advance(SECOND)
  }
  // One send a pause of five minutes at most.
  expect(life.fixture.sends - before).toBeLessThanOrEqual(3)
  await life.keeper.stop()
})
