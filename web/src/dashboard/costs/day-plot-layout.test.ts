import { expect, test } from 'vitest'
import { axisSteps, slots, stack } from './day-plot-layout.ts'

test.each([
  [0, [0, 1]],
  [1, [0, 0.5, 1]],
  [0.31, [0, 0.2, 0.4]],
  [7, [0, 2.5, 5, 7.5]],
  [1_000_000, [0, 500_000, 1_000_000]],
  [0.000_03, [0, 0.000_01, 0.000_02, 0.000_03]],
])('the axis up to %s has round steps: %s', (max, steps) => {
  expect(axisSteps(max)).toEqual(steps)
})

test('no value is higher than the axis, and half of it is never empty', () => {
  for (let max = 0.001; max < 1e9; max *= 1.37) {
    const top = axisSteps(max).at(-1)!
    expect(top).toBeGreaterThanOrEqual(max * 0.998)
    expect(top).toBeLessThan(max * 2)
  }
})

test.each([
  [7, 320],
  [30, 320],
  [90, 320],
  [90, 1_000],
])('%i days over %i pixels: bars inside their days, dates apart, today dated', (days, width) => {
  const places = slots(days, 40, width)
  expect(places).toHaveLength(days)
  for (const { x, width: wide, barX, barWidth } of places) {
    expect(barX).toBeGreaterThanOrEqual(x)
    expect(barX + barWidth).toBeLessThanOrEqual(x + wide + 0.001)
  }
  expect(places.at(-1)!.x + places.at(-1)!.width).toBeCloseTo(width)
  expect(places.at(-1)!.dated).toBe(true)
  const dated = places.filter((place) => place.dated).map(({ x }) => x)
  for (const [index, x] of dated.slice(1).entries()) expect(x - dated[index]!).toBeGreaterThanOrEqual(62)
})

test('a bar is stacked from the bottom, and what is unknown or nothing takes no room', () => {
  expect(stack([3, null, 0, 4])).toEqual([
    { layer: 0, from: 0, value: 3 },
    { layer: 3, from: 3, value: 4 },
  ])
})
