import assert from 'node:assert/strict'
import {
  array,
  asyncProperty as property,
  constant,
  constantFrom,
  integer,
  nat,
  oneof,
  record,
  type Arbitrary,
} from 'fast-check'
import { expect, it } from 'vitest'
import {
  PROCESSES,
  RotationFixture,
  type Fate,
  type Step,
} from '../../../test/support/provider/rotation-fixture.ts'
import { assertProperty } from '../../../test/support/test-chance.ts'
import type { Intent } from './intent.ts'

/** Some seconds' worth: a history is run in a millisecond. */
const RUNS = 1_500

/** Runs one step. A death is played by its exception: the store's `finally` may free what the kernel would have freed. */
async function run(fixture: RotationFixture, step: Step): Promise<void> {
  switch (step.kind) {
    case 'wait':
      return fixture.clock.advance(step.ms)
    case 'sign-in':
    case 'logout':
      return fixture.person(step.kind)
    case 'foreign-rotation':
      return fixture.rotateAbroad()
    case 'save': {
      fixture.full = false
      fixture.fate = 'answered'
      const rotation = fixture.rotations[step.process]!
      assert(await rotation.saveUnsaved())
      return
    }
    case 'refresh':
      return refresh(fixture, step)
  }
}

async function refresh(
  fixture: RotationFixture,
  { process, fate, during }: Extract<Step, { kind: 'refresh' }>,
): Promise<void> {
  if (fixture.stored.kind !== 'present') return
  const spent = fixture.stored.generation
  const live = fixture.isLive(spent)
  const proven = fixture.provenDead.has(spent.refreshToken!.reveal())
  let acted = false
  let diedWith: Intent | null = null
  fixture.fate = fate
  fixture.during = () => {
    acted = during !== 'nothing'
    diedWith = fixture.intent
    if (during !== 'nothing') fixture.person(during)
  }
  const rotation = fixture.rotations[process]!
  const before = fixture.stored
  const outcome = await rotation.refresh(spent, new AbortController().signal)
  const died = fate.startsWith('dies') && (outcome.kind === 'store' || outcome.kind === 'unsaved')
  if (died) {
    // What the living code did after the "death" to the disk is undone; the intent stays as it was.
    if (diedWith) fixture.intent = diedWith
    fixture.restart(process)
  }
  const now = fixture.stored
  if (acted) {
    // Whatever a person did stands.
    assert.equal(now.kind, during === 'logout' ? 'absent' : 'present')
    assert(now.kind !== 'present' || !fixture.provenDead.has(now.generation.refreshToken!.reveal()))
    return
  }
  switch (outcome.kind) {
    case 'renewed':
      assert(live)
      assert(
        fixture.holds(outcome.generation) && fixture.isLive(outcome.generation),
        'a renewed token is not stored',
      )
      break
    case 'adopted':
      // Its own result, which could not be saved before and now was.
      assert(fixture.holds(outcome.generation) && fixture.isLive(outcome.generation))
      break
    case 'terminal':
      assert.equal(now, before)
      assert(fate === 'other-account' || !live || proven, 'given up while the server would have taken it')
      break
    case 'unsaved':
      assert(died || fixture.lockedBy === process, 'an unsaved result without its lock')
      break
    default:
      assert.equal(now, before)
  }
}

const fates: Fate[] = [
  'answered',
  'answer-lost',
  'request-lost',
  'refused-unprocessed',
  'rate-limited',
  'other-account',
  'disk-full-after',
  'dies-before-the-request',
  'dies-after-the-server-rotated',
  'dies-before-the-write',
]
const steps: Arbitrary<Step> = oneof(
  {
    weight: 6,
    arbitrary: record({
      kind: constant('refresh' as const),
      process: nat(PROCESSES - 1),
      fate: oneof(constant<Fate>('answered'), constantFrom(...fates)),
      during: oneof(
        { weight: 6, arbitrary: constant('nothing' as const) },
        { weight: 1, arbitrary: constantFrom('sign-in' as const, 'logout' as const) },
      ),
    }),
  },
  { weight: 1, arbitrary: record({ kind: constant('save' as const), process: nat(PROCESSES - 1) }) },
  {
    weight: 3,
    arbitrary: record({ kind: constant('wait' as const), ms: integer({ min: 1, max: 400_000 }) }),
  },
  {
    weight: 2,
    arbitrary: constantFrom<Step>({ kind: 'sign-in' }, { kind: 'logout' }, { kind: 'foreign-rotation' }),
  },
)

it('spends no token that was proven dead, counts every send before it leaves, and loses no answer', async () => {
  const histories = property(array(steps, { minLength: 1, maxLength: 40 }), async (history) => {
    const fixture = new RotationFixture()
    fixture.person('sign-in')
    for (const step of history) {
      await run(fixture, step)
      assert.deepEqual(fixture.broken, [])
    }
  })
  await expect(assertProperty(histories, { numRuns: RUNS })).resolves.toBeUndefined()
}, 120_000)
