import { expect, test } from 'vitest'
import { HOUR, MINUTE } from '../support/clock.ts'
import { addCacheUse, NO_TROUBLE, type CacheChange } from './cache-trouble.ts'
import type { CacheUse } from './cache-watch.ts'

const HIT: CacheUse = { kind: 'hit', possibleTokens: 1_000 }
const MISS: CacheUse = { kind: 'unexpected', reason: 'system_changed', possibleTokens: 1_000 }
const EXPECTED: CacheUse = { kind: 'expected', reason: 'expired', possibleTokens: 0 }

/** The changes of a series of requests, each with the minute of it. */
function changesOf(uses: ReadonlyArray<readonly [minute: number, use: CacheUse]>) {
  let trouble = NO_TROUBLE
  const changes: Array<readonly [number, CacheChange]> = []
  for (const [minute, use] of uses) {
    const read = use.kind === 'hit' ? use.possibleTokens : 0
    const next = addCacheUse(trouble, use, read, minute * MINUTE)
    trouble = next.trouble
    if (next.change) changes.push([minute, next.change])
  }
  return { changes, trouble }
}

const every = (minutes: number, from: number, to: number, use: CacheUse) =>
  Array.from({ length: Math.ceil((to - from) / minutes) }, (_, at) => [from + at * minutes, use] as const)

test('misses that last for an hour are told once, and again when they are over', () => {
  const { changes } = changesOf([...every(2, 0, 180, MISS), ...every(2, 180, 300, HIT)])
  expect(changes.map(([minute, { kind }]) => [minute, kind])).toEqual([
    [68, 'lasting'],
    [expect.any(Number), 'over'],
  ])
  expect(changes[0]![1]).toMatchObject({ reason: 'system_changed', readShare: 0 })
  expect(changes[1]![0]).toBeGreaterThan(180)
  expect(changes[1]![0]).toBeLessThan(240)
})

test('a burst, however large, is over within the hour', () => {
  const burst = every(0.1, 0, 4, MISS)
  expect(changesOf([...burst, ...every(3, 4, 200, EXPECTED)]).changes).toEqual([])
  expect(changesOf([...burst, [500, MISS], ...every(0.1, 501, 505, MISS), [570, MISS]]).changes).toEqual([])
})

test('a few misses among many requests that read the cache are chance', () => {
  const busy = every(1, 0, 300, HIT).flatMap(([minute, use]) => [
    [minute, use] as const,
    [minute, use] as const,
    ...(minute % 2 === 0 ? [[minute, MISS] as const] : []),
  ])
  expect(changesOf(busy).changes).toEqual([])
})

test('fewer than five misses an hour say nothing', () => {
  expect(changesOf(every(16, 0, 600, MISS)).changes).toEqual([])
  expect(changesOf(every(12, 0, 600, MISS)).changes).toHaveLength(1)
})

test('what has to be missed is no trouble, however long it lasts', () => {
  expect(changesOf(every(1, 0, 300, EXPECTED)).changes).toEqual([])
})

test('the most frequent reason is named', () => {
  const other: CacheUse = { kind: 'unexpected', reason: 'not-known', possibleTokens: 1_000 }
  const mixed = every(2, 0, 80, MISS).map(
    ([minute, use], at) => [minute, at % 3 === 0 ? use : other] as const,
  )
  expect(changesOf(mixed).changes).toMatchObject([[68, { reason: 'not-known' }]])
})

test('a clock that is set back neither tells anything nor keeps what lies ahead of it', () => {
  const { changes, trouble } = changesOf([...every(2, 10_000, 10_040, MISS), ...every(2, 0, 20, HIT)])
  expect(changes).toEqual([])
  expect(trouble.pieces.every(({ from }) => from < HOUR)).toBe(true)
})

test('an hour of any number of requests takes the room of a dozen pieces', () => {
  expect(changesOf(every(0.05, 0, 600, MISS)).trouble.pieces.length).toBeLessThanOrEqual(13)
})
