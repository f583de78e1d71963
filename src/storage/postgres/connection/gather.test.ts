import { expect, test } from 'vitest'
import { StoreError } from '../../../support/errors.ts'
import { Gather } from './gather.ts'

/** Runs end when they are told to. */
function heldBack() {
  const runs: Array<PromiseWithResolvers<readonly string[]> & { readonly requests: readonly number[] }> = []
  const gather = new Gather<number, string>((requests) => {
    const run = { ...Promise.withResolvers<readonly string[]>(), requests }
    runs.push(run)
    return run.promise
  })
  return { gather, runs }
}

test('requests of one moment are one run, and those made while it runs are the next', async () => {
  const { gather, runs } = heldBack()
  const first = [gather.add(1), gather.add(2)]
  await new Promise(setImmediate)
  const second = [gather.add(3), gather.add(4)]
  await new Promise(setImmediate)
  expect(runs.map(({ requests }) => requests)).toEqual([[1, 2]])
  runs[0]!.resolve(['a', 'b'])
  expect(await Promise.all(first)).toEqual(['a', 'b'])
  expect(runs.map(({ requests }) => requests)).toEqual([
    [1, 2],
    [3, 4],
  ])
  runs[1]!.resolve(['c', 'd'])
  expect(await Promise.all(second)).toEqual(['c', 'd'])
})

test('a run that fails fails its requests, and the next ones run again', async () => {
  const { gather, runs } = heldBack()
  const failures = Promise.allSettled([gather.add(1), gather.add(2)])
  await new Promise(setImmediate)
  runs[0]!.reject(new StoreError('gone'))
  expect((await failures).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  const again = gather.add(3)
  await new Promise(setImmediate)
  runs[1]!.resolve(['a'])
  expect(await again).toBe('a')
})
