import { expect, test } from 'vitest'
import { FakeClock } from '../../test/support/fake-clock.ts'
import { MINUTE, SECOND } from '../support/clock.ts'
import { ToolRate } from './tool-rate.ts'

test('a tool runs so often within any minute, each on its own', async () => {
  const clock = new FakeClock()
  const rate = new ToolRate(2, clock)
  expect(rate.begin('look')).toBe(0)
  await clock.advance(20 * SECOND)
  expect(rate.begin('look')).toBe(0)
  expect(rate.begin('look')).toBe(40 * SECOND)
  expect(rate.begin('act')).toBe(0)
  await clock.advance(40 * SECOND - 1)
  expect(rate.begin('look')).toBe(1)
  await clock.advance(1)
  expect(rate.begin('look')).toBe(0)
  expect(rate.begin('look')).toBe(20 * SECOND)
})

test('a call that was not run does not count', async () => {
  const clock = new FakeClock()
  const rate = new ToolRate(1, clock)
  expect(rate.begin('look')).toBe(0)
  for (let count = 0; count < 10; count++) expect(rate.begin('look')).toBe(MINUTE)
  await clock.advance(MINUTE)
  expect(rate.begin('look')).toBe(0)
})
