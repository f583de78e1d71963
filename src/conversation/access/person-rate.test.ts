import { expect, test } from 'vitest'
import { MINUTE, SECOND } from '../../support/clock.ts'
import { PersonRate } from './person-rate.ts'

test('a burst passes, a flood does not, and one refusal a minute is spoken', () => {
  const rate = new PersonRate(2)
  const decisions = Array.from({ length: 9 }, () => rate.consume('a', 0))
  expect(decisions).toEqual([
    ...Array.from({ length: 6 }, () => 'pass'),
    'refuse',
    'refuse-silently',
    'refuse-silently',
  ])
  expect(rate.consume('a', 29 * SECOND)).toBe('refuse-silently')
  expect(rate.consume('a', 30 * SECOND)).toBe('pass')
  expect(rate.consume('a', 30 * SECOND)).toBe('refuse-silently')
  rate.consume('a', MINUTE)
  expect(rate.consume('a', MINUTE + SECOND)).toBe('refuse')
})

test('one person’s flood is not another’s', () => {
  const rate = new PersonRate(1)
  for (let count = 0; count < 10; count++) rate.consume('a', 0)
  expect(rate.consume('b', 0)).toBe('pass')
})

test('what was not stored is not counted', () => {
  const rate = new PersonRate(1)
  for (let count = 0; count < 3; count++) rate.consume('a', 0)
  rate.refund('a')
  expect(rate.consume('a', 0)).toBe('pass')
})
