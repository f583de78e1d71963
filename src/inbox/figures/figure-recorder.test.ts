import { expect, test } from 'vitest'
import { FakeClock } from '../../../test/support/fake-clock.ts'
import { DAY, HOUR, MINUTE, SECOND } from '../../support/clock.ts'
import { bucketOf, FigureRecorder, quantile, TIME_FIGURES } from './figure-recorder.ts'
import { readSeries, SERIES, stepFor } from './figure-series.ts'
import type { FigureQuery, Figures } from './figures.ts'

/** Minutes in memory, that can be told to fail. */
class MemoryFigures implements Pick<Figures, 'add' | 'sums'> {
  readonly minutes = new Map<string, number>()
  writes = 0
  broken = false

  async add(name: string, at: number, value: number) {
    if (this.broken) throw new Error('the disk is full')
    this.writes++
    const key = `${name}@${Math.floor(at / MINUTE) * MINUTE}`
    this.minutes.set(key, (this.minutes.get(key) ?? 0) + value)
  }

  async sums({ names, from, to, stepMs }: FigureQuery) {
    return [...this.minutes].flatMap(([key, value]) => {
      const [name, minute] = key.split('@') as [string, string]
      const at = Math.floor(Number(minute) / stepMs) * stepMs
      return names.includes(name) && Number(minute) >= from && Number(minute) < to
        ? [{ name, at, sum: value, max: value }]
        : []
    })
  }
}

function fixture() {
  const clock = new FakeClock()
  const figures = new MemoryFigures()
  const problems: unknown[] = []
  let held = 0
  const recorder = new FigureRecorder({
    figures,
    held: async () => held,
    clock,
    onProblem: (error) => problems.push(error),
  })
  recorder.start()
  const series = (lengthMs: number) =>
    readSeries(figures, recorder, { from: clock.now() - lengthMs, to: clock.now() + 1, names: SERIES })
  return { clock, figures, recorder, problems, series, hold: (count: number) => (held = count) }
}

const total = (values: ReadonlyArray<number | null> | undefined) =>
  (values ?? []).reduce<number>((sum, value) => sum + (value ?? 0), 0)

test('a thousand messages are written as one count when their minute is over, and seen before', async () => {
  const { clock, figures, recorder, series } = fixture()
  for (let message = 0; message < 1_000; message++) recorder.count('accepted')
  expect(total((await series(HOUR)).values.accepted)).toBe(1_000)
  expect(figures.writes).toBe(0)
  await clock.advance(MINUTE + 10 * SECOND)
  // The minute, and the hour of which it is a part.
  expect(figures.writes).toBe(2)
  expect(total((await series(HOUR)).values.accepted)).toBe(1_000)
  expect(total((await series(30 * DAY)).values.accepted)).toBe(1_000)
  await recorder.stop()
})

test('what the store rejects is kept, and stored once when it works again', async () => {
  const { clock, figures, recorder, problems, series } = fixture()
  figures.broken = true
  recorder.count('answered', 3)
  await clock.advance(3 * MINUTE)
  expect(problems.length).toBeGreaterThan(0)
  figures.broken = false
  await clock.advance(MINUTE)
  await recorder.stop()
  expect(total((await series(HOUR)).values.answered)).toBe(3)
  expect(total((await series(DAY)).values.answered)).toBe(3)
})

test('what is counted within the last minute of a run is stored at its end', async () => {
  const { figures, recorder } = fixture()
  recorder.count('refreshes')
  await recorder.stop()
  expect([...figures.minutes.values()]).toEqual([1, 1])
})

test('held messages are shown as the most at one time, over any range', async () => {
  const { clock, recorder, series, hold } = fixture()
  hold(4)
  await clock.advance(30 * SECOND)
  hold(9)
  await clock.advance(20 * SECOND)
  hold(0)
  await clock.advance(5 * MINUTE)
  expect(Math.max(...(await series(HOUR)).values.held!.map(Number))).toBe(9)
  expect(Math.max(...(await series(30 * DAY)).values.held!.map(Number))).toBe(9)
  await recorder.stop()
})

test('the time to an answer is null where nothing was answered', async () => {
  const { clock, recorder, series } = fixture()
  recorder.recordAnswerTime(2)
  await clock.advance(2 * MINUTE)
  const values = (await series(HOUR)).values['time-p50']!
  expect(values.filter((value) => value !== null)).toHaveLength(1)
  expect(values.find((value) => value !== null)).toBeGreaterThan(1.5)
  await recorder.stop()
})

test.each([
  [HOUR, MINUTE],
  [DAY, 10 * MINUTE],
  [30 * DAY, 4 * HOUR],
])('a range of %d ms has steps of %d ms', (length, step) => {
  expect(stepFor(length)).toBe(step)
})

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
