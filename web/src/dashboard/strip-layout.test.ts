import { expect, test } from 'vitest'
import { Scale, ticks, tokenBars } from './strip-layout.ts'
import { HOUR, MINUTE } from './words.ts'

const START = Date.parse('2026-11-22T00:00:00Z')
const scale = new Scale(START, START + 10 * HOUR, 1_000)
const at = (hours: number): string => new Date(START + hours * HOUR).toISOString()
const token = (from: number, to: number) => ({ from: at(from), to: at(to), fingerprint: 'a', source: 'own' })

test('a token is a bar from its beginning to now, and what is left of it lies ahead', () => {
  const bars = tokenBars([token(1, 5), token(5, 9)], scale, START + 7 * HOUR, true)
  expect(bars.map(({ x, width, ahead }) => [x, width, ahead])).toEqual([
    [100, 400, false],
    [500, 200, false],
    [700, 200, true],
  ])
})

test('what is left of a revoked token is not shown', () => {
  const bars = tokenBars([token(1, 9)], scale, START + 7 * HOUR, false)
  expect(bars.map(({ x, width }) => [x, width])).toEqual([[100, 600]])
})

test('a thousand tokens of a minute flow into one bar instead of a thousand lines', () => {
  const tokens = Array.from({ length: 600 }, (_, index) => token(index / 60, (index + 1) / 60))
  const bars = tokenBars(tokens, scale, START + 10 * HOUR, true)
  expect(bars).toHaveLength(1)
  expect(bars[0]!.width).toBeCloseTo(1_000)
})

test('what lies before or after the strip is not drawn', () => {
  expect(tokenBars([token(-9, -2), token(20, 30)], scale, START + 30 * HOUR, true)).toEqual([])
  expect(
    ticks(
      [
        { at: at(-1), label: 'before' },
        { at: at(11), label: 'after' },
      ],
      scale,
    ),
  ).toEqual([])
})

test('two events within one pixel are one tick', () => {
  const events = [0, 1, 2].map((second) => ({
    at: new Date(START + HOUR + second * 1_000).toISOString(),
    label: 'refresh',
  }))
  expect(ticks(events, scale)).toHaveLength(1)
})

test.each([1, 24, 39, 24 * 39])('marks of a strip of %d hours stand far enough apart to be read', (hours) => {
  const marks = new Scale(START, START + hours * HOUR + 7 * MINUTE, 360).marks()
  expect(marks.length).toBeGreaterThan(0)
  const gaps = marks.slice(1).map(({ x }, index) => x - marks[index]!.x)
  expect(Math.min(Infinity, ...gaps)).toBeGreaterThan(70)
})
