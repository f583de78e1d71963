import { expect, test, vi } from 'vitest'
import { RowRefused, StoreError } from '../../../support/errors.ts'
import { DatabaseError } from '../connection/failures.ts'
import { StepEngine, type StepResult } from './step-engine.ts'

interface Named {
  readonly name: string
  readonly keys: readonly string[]
  readonly alone: boolean
}

function step(name: string, key = name): Named {
  return { name, keys: [key], alone: false }
}

/** @param run what becomes of the steps with these names */
function engineOf(run: (names: readonly string[]) => Promise<ReadonlyArray<StepResult | undefined>>) {
  const batches: string[] = []
  const engine = new StepEngine<Named>(async (steps) => {
    const names = steps.map(({ name }) => name)
    batches.push(names.join(''))
    const results = await run(names)
    return names.map((name, index) => results[index] ?? { kind: 'done', value: `done ${name}` })
  })
  return { engine, batches }
}

const LOCKED: StepResult = { kind: 'locked' }

test('two transactions run at once, and what is asked for in that time shares the next one', async () => {
  const gates = [Promise.withResolvers<[]>(), Promise.withResolvers<[]>()]
  const { engine, batches } = engineOf((names) =>
    names.includes('a') ? gates[0]!.promise : names.includes('c') ? gates[1]!.promise : Promise.resolve([]),
  )
  const first = [engine.run(step('a')), engine.run(step('b'))]
  await new Promise(setImmediate)
  const second = engine.run(step('c'))
  await new Promise(setImmediate)
  const third = [engine.run(step('d')), engine.run(step('e')), engine.run(step('f', 'a'))]
  await new Promise(setImmediate)
  expect(batches).toEqual(['ab', 'c'])
  gates[1]!.resolve([])
  expect(await second).toBe('done c')
  expect(await Promise.all(third.slice(0, 2))).toEqual(['done d', 'done e'])
  // Behind the first one about the same thing.
  expect(batches).toEqual(['ab', 'c', 'de'])
  gates[0]!.resolve([])
  expect(await Promise.all([...first, third[2]])).toEqual(['done a', 'done b', 'done f'])
})

test.each([
  ['a value is refused', new RowRefused('too long', '54000')],
  ['one takes too long', new DatabaseError('too long', '57014')],
  ['it is a bug', new TypeError('bug')],
])('where %s, the step alone fails, and the others are run', async (_, error) => {
  const { engine, batches } = engineOf(async (names) => {
    if (names.includes('b')) throw error
    return []
  })
  const results = await Promise.allSettled(['a', 'b', 'c'].map((name) => engine.run(step(name))))
  expect(results).toMatchObject([
    { value: 'done a' },
    { status: 'rejected', reason: error },
    { value: 'done c' },
  ])
  expect(batches).toEqual(['abc', 'a', 'b', 'c'])
})

test.each([
  ['the connection is lost', new StoreError('lost'), ['abcd']],
  ['the disk is full', new DatabaseError('full', '53100'), ['abcd']],
  ['everything takes too long', new DatabaseError('too long', '57014'), ['abcd', 'a', 'b']],
])('where %s, all fail, and are not tried for long', async (_, error, tried) => {
  const { engine, batches } = engineOf(() => Promise.reject(error))
  const results = await Promise.allSettled([...'abcd'].map((name) => engine.run(step(name))))
  expect(results).toEqual(results.map(() => ({ status: 'rejected', reason: error })))
  expect(batches).toEqual(tried)
})

test('a step whose rows are locked goes into a later transaction, before what follows it', async () => {
  let locked = 3
  const { engine, batches } = engineOf(async (names) =>
    names.map((name) => (name === 'a' && locked-- > 0 ? LOCKED : undefined)),
  )
  const all = [engine.run(step('a')), engine.run(step('b', 'a')), engine.run(step('c'))]
  expect(await all[2]).toBe('done c')
  expect(await Promise.all(all)).toEqual(['done a', 'done b', 'done c'])
  expect(batches).toEqual(['ac', 'a', 'a', 'a', 'b'])
})

test('whose rows stay locked fails when the database would have given up', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'performance'] })
  try {
    const { engine } = engineOf(async () => [LOCKED])
    const failure = engine.run(step('a')).catch((error: unknown) => error)
    let failed = false
    void failure.then(() => (failed = true))
    let waited = 0
    for (; !failed && waited < 10_000; waited += 10) {
      vi.advanceTimersByTime(10)
      await new Promise(setImmediate)
    }
    expect(await failure).toBeInstanceOf(StoreError)
    expect(waited).toBeGreaterThanOrEqual(4_000)
    expect(waited).toBeLessThan(4_200)
  } finally {
    vi.useRealTimers()
  }
})

test('closes when everything that was asked for is over, and takes nothing after it', async () => {
  const { engine } = engineOf(async () => [])
  const asked = engine.run(step('a'))
  const closed = [engine.close(), engine.close()]
  await expect(engine.run(step('b'))).rejects.toThrow('closed')
  await Promise.all(closed)
  expect(await asked).toBe('done a')
})
