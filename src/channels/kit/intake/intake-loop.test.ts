import { expect, test } from 'vitest'
import { FakeClock } from '../../../../test/support/fake-clock.ts'
import { pause } from '../../../../test/support/until.ts'
import { MINUTE, SECOND, systemClock } from '../../../support/clock.ts'
import { RowRefused, StoreError, TransientError } from '../../../support/errors.ts'
import { createLog } from '../../../support/log.ts'
import {
  BatchStorage,
  STORE_TRIES,
  Interrupted,
  IntakeLoop,
  type IntakeStatus,
  type Trouble,
} from './intake-loop.ts'

class PlatformDown extends Error {}

/** A loop whose rounds fail as the test says, and the times at which they were begun. */
async function looping(round: (loop: IntakeLoop) => Promise<void>, trouble: Trouble | null = null) {
  const clock = new FakeClock()
  const lines: string[] = []
  const log = await createLog({ level: 'warn', destination: { write: (line) => void lines.push(line) } })
  const states: IntakeStatus[] = []
  const begun: number[] = []
  const loop: IntakeLoop = new IntakeLoop({
    channel: 'test',
    clock,
    log,
    random: () => 0.5,
    kept: 'somebody keeps it',
    troubleOf: (error) => (error instanceof PlatformDown ? trouble : null),
    onStatus: (status) => void states.push(status),
  })
  const stopping = new AbortController()
  const running = loop.run(async () => {
    begun.push(clock.monotonic())
    await round(loop)
  }, stopping.signal)
  const stop = async () => {
    stopping.abort()
    await running
  }
  return {
    clock,
    lines,
    states,
    begun,
    stop,
    waits: () => begun.slice(1).map((at, index) => at - begun[index]!),
  }
}

const fails = (failure: Error) => async () => {
  throw failure
}
const RETRYING: Trouble = { state: 'retrying', problem: 'the platform is down' }

test('waits longer the longer the trouble lasts, and warns once', async () => {
  const { clock, lines, states, waits, stop } = await looping(fails(new PlatformDown()), RETRYING)
  await clock.advance(2 * MINUTE)
  expect(waits().slice(0, 7)).toEqual([1, 2, 4, 8, 15, 15, 15].map((seconds) => seconds * SECOND))
  expect(lines).toHaveLength(1)
  expect(states.at(-1)).toEqual({ state: 'retrying', problem: 'the platform is down' })
  await stop()
})

test.each([
  [
    'what the operator must correct, rarely',
    new PlatformDown(),
    { ...RETRYING, state: 'failed' as const },
    30 * SECOND,
  ],
  ['what the platform asks to wait', new TransientError('later', 7 * SECOND), null, 7 * SECOND],
  ['the store, soon', new StoreError('away'), null, SECOND],
  ['what ended a round, as long as it says', new Interrupted(RETRYING, 9 * SECOND), null, 9 * SECOND],
  ['a trouble of its own pace', new PlatformDown(), { ...RETRYING, backoff: { initialMs: 5, maxMs: 5 } }, 5],
])('asks again for %s', async (_what, error, trouble, waitMs) => {
  const { clock, waits, stop } = await looping(fails(error), trouble)
  await clock.advance(waitMs)
  expect(waits()).toEqual([waitMs])
  await stop()
})

test.each([
  [new StoreError('the disk is full'), 'what arrives cannot be stored; somebody keeps it'],
  [new TypeError('a bug'), 'what arrives cannot be taken in: a bug'],
])('says of %s: %s', async (error, problem) => {
  const { clock, states, stop } = await looping(fails(error))
  await clock.advance(0)
  expect(states).toEqual([{ state: 'retrying', problem }])
  await stop()
})

test('a failure after a recovery is the first again', async () => {
  let rounds = 0
  const { clock, lines, waits, stop } = await looping(async (loop) => {
    if (++rounds % 3 === 0) loop.recovered()
    throw new PlatformDown()
  }, RETRYING)
  await clock.advance(6 * SECOND)
  expect(waits()).toEqual([1, 2, 1, 2].map((seconds) => seconds * SECOND))
  expect(lines).toHaveLength(2)
  await stop()
})

test('a failure of another kind does not wait for those before it', async () => {
  let rounds = 0
  const failed = { ...RETRYING, state: 'failed' as const }
  const { clock, lines, waits, stop } = await looping(async () => {
    rounds++
    if (rounds === 3) throw new StoreError('away')
    throw new Interrupted(rounds === 4 ? failed : RETRYING)
  })
  await clock.advance(MINUTE)
  expect(waits().slice(0, 6)).toEqual([1, 2, 1, 30, 4, 8].map((seconds) => seconds * SECOND))
  expect(lines).toHaveLength(1)
  await stop()
})

test('a stop ends the wait', async () => {
  const { clock, begun, stop } = await looping(fails(new PlatformDown()), RETRYING)
  await clock.advance(0)
  await stop()
  expect(begun).toHaveLength(1)
})

test('a platform that answers without waiting is not asked without a pause', async () => {
  const stop = new AbortController()
  let rounds = 0
  const log = await createLog({ level: 'silent' })
  const loop = new IntakeLoop({
    channel: 'test',
    clock: systemClock,
    log,
    random: () => 0.5,
    kept: '',
    troubleOf: () => null,
    onStatus: () => {},
  })
  const running = loop.run(async () => void rounds++, stop.signal)
  await pause(1_000)
  stop.abort()
  await running
  expect(rounds).toBeGreaterThan(50)
  expect(rounds).toBeLessThan(60)
})

const POISON = 'poison'

/** Stores batches of words, of which one breaks whatever is to be stored with it. */
async function storage() {
  const lines: string[] = []
  const stored: string[] = []
  const log = await createLog({ level: 'error', destination: { write: (line) => void lines.push(line) } })
  const batches = new BatchStorage<string>({ channel: 'test', log, describe: (word) => ({ word }) })
  const put = async (...words: readonly string[]) => {
    if (words.includes(POISON)) throw new TypeError('a bug')
    stored.push(...words)
  }
  const store = (items: readonly string[]) =>
    batches.store({
      items,
      store: () => put(...items, 'position'),
      storeOne: put,
      park: (word) => put(`parked ${word}`),
      finish: () => put('position'),
    })
  return { batches, lines, stored, put, store }
}

test('a batch is stored as a whole', async () => {
  const { store, stored } = await storage()
  await store(['one', 'two'])
  expect(stored).toEqual(['one', 'two', 'position'])
})

test('an item that breaks its batch is parked after some tries, and the next batch is whole again', async () => {
  const { store, stored, lines } = await storage()
  for (let tries = 0; tries < STORE_TRIES; tries++) {
    await expect(store(['one', POISON, 'two'])).rejects.toThrow('a bug')
  }
  expect(stored).toEqual([])
  await store(['one', POISON, 'two'])
  expect(stored).toEqual(['one', `parked ${POISON}`, 'two', 'position'])
  expect(lines).toHaveLength(1)
  expect(lines[0]).toContain(POISON)
  await expect(store([POISON])).rejects.toThrow('a bug')
})

test('nothing is ever parked because the store is away', async () => {
  const { batches, stored } = await storage()
  const away = () => Promise.reject(new StoreError('away'))
  const park = async () => void stored.push('parked')
  const batch = { items: ['one'], store: away, storeOne: away, park }
  for (let tries = 0; tries < 2 * STORE_TRIES; tries++) {
    await expect(batches.store(batch)).rejects.toBeInstanceOf(StoreError)
  }
  const broken = () => Promise.reject(new TypeError('a bug'))
  for (let tries = 0; tries < STORE_TRIES; tries++) {
    await expect(batches.store({ ...batch, store: broken, storeOne: broken })).rejects.toThrow('a bug')
  }
  await expect(batches.store(batch)).rejects.toBeInstanceOf(StoreError)
  expect(stored).toEqual([])
})

test('what the store refuses is parked at once, and everything else of its batch is stored', async () => {
  const { batches, stored } = await storage()
  const put = async (...words: readonly string[]) => {
    if (words.includes(POISON)) throw new RowRefused('no')
    stored.push(...words)
  }
  const items = ['one', POISON, 'two']
  await batches.store({
    items,
    store: () => put(...items),
    storeOne: put,
    park: async (word, error) => put(`${error instanceof RowRefused ? 'refused' : 'failed'} ${word}`),
  })
  expect(stored).toEqual(['one', `refused ${POISON}`, 'two'])
})
