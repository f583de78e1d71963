import { expect, test } from 'vitest'
import { bucketOf, quantile, TIME_FIGURES } from './time-scale.ts'

function countsOf(seconds: readonly number[]): number[] {
  const counts = TIME_FIGURES.map(() => 0)
  for (const time of seconds) counts[bucketOf(time)]!++
  return counts
}

test('the median and the slowest hundredth come out within a quarter of their true values', () => {
  const times = Array.from({ length: 1_000 }, (_, index) => 0.2 + index * 0.01)
  const counts = countsOf(times)
  const p50 = quantile(counts, 0.5)!
  const p99 = quantile(counts, 0.99)!
  expect(Math.abs(p50 / 5.2 - 1)).toBeLessThan(0.25)
  expect(Math.abs(p99 / 10.1 - 1)).toBeLessThan(0.25)
  expect(p50).toBeLessThan(p99)
})

test('without an answer there is no time to answer', () => {
  expect(quantile(countsOf([]), 0.5)).toBeNull()
})

test.each([0, 0.001, 0.05, 3, 600, 86_400 * 7, 86_400 * 30, Number.NaN, Infinity])(
  '%s seconds have a bucket',
  (seconds) => {
    const bucket = bucketOf(seconds)
    expect(TIME_FIGURES[bucket]).toBe(`time.${bucket}`)
  },
)
