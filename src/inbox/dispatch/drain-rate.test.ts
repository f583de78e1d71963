import { expect, test } from 'vitest'
import { DrainRate } from './drain-rate.ts'

/** Turns that begin in each second when everybody is eager. */
function eager(rate: DrainRate, seconds: number): number[] {
  const counts: number[] = []
  for (let second = 0; second < seconds; second++) {
    let count = 0
    for (let ms = 0; ms < 1_000; ms += 5)
      while (count < 5_000 && rate.acquire(second * 1_000 + ms) === 0) count++
    counts.push(count)
  }
  return counts
}

test('begins with a trickle that doubles each second, and then limits nothing', () => {
  const rate = new DrainRate(() => 20)
  rate.start(0)
  const [first, second, third] = eager(rate, 3) as [number, number, number]
  expect(first).toBeGreaterThanOrEqual(19)
  expect(first).toBeLessThanOrEqual(21)
  expect(second / first).toBeCloseTo(2, 0)
  expect(third / second).toBeCloseTo(2, 0)
  expect(rate.acquire(6_000)).toBe(0)
  expect(rate.limiting).toBe(false)
})

test('limits nothing unless it was started, and nothing after the end', () => {
  const rate = new DrainRate(() => 1)
  expect([rate.acquire(0), rate.acquire(0), rate.acquire(0)]).toEqual([0, 0, 0])
  rate.start(0)
  expect([rate.acquire(0), rate.acquire(0)]).toEqual([0, 1_000])
  rate.end()
  expect(rate.acquire(0)).toBe(0)
})
