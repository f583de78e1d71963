import { expect, test } from 'vitest'
import { MINUTE, SECOND } from '../../support/clock.ts'
import { PersonRate } from './person-rate.ts'

test('a burst passes, a flood does not, and one refusal a minute is spoken', () => {
  const rate = new PersonRate(2)
  const verdicts = Array.from({ length: 9 }, () => rate.take('a', 0))
  expect(verdicts).toEqual([
    ...Array.from({ length: 6 }, () => 'pass'),
    'refuse',
    'refuse-silently',
    'refuse-silently',
  ])
  expect(rate.take('a', 29 * SECOND)).toBe('refuse-silently')
  expect(rate.take('a', 30 * SECOND)).toBe('pass')
  expect(rate.take('a', 30 * SECOND)).toBe('refuse-silently')
  rate.take('a', MINUTE)
  expect(rate.take('a', MINUTE + SECOND)).toBe('refuse')
})

test('one person’s flood is not another’s', () => {
  const rate = new PersonRate(1)
  for (let count = 0; count < 10; count++) rate.take('a', 0)
  expect(rate.take('b', 0)).toBe('pass')
})

test('what was not stored is not counted', () => {
  const rate = new PersonRate(1)
  for (let count = 0; count < 3; count++) rate.take('a', 0)
  rate.giveBack('a')
  expect(rate.take('a', 0)).toBe('pass')
})
