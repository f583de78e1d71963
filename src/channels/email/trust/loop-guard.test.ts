import { expect, test } from 'vitest'
import { HOUR, MINUTE } from '../../../support/clock.ts'
import { LoopGuard } from './loop-guard.ts'

const at = (minute: number) => 1_000 * HOUR + minute * MINUTE

test('tells once that it is too much, then says nothing while the flood lasts', () => {
  const guard = new LoopGuard(3)
  const results = Array.from({ length: 200 }, (_, index) =>
    guard.check('robot@x.test', `<${index}>`, at(index)),
  )
  expect(results.slice(0, 5)).toEqual(['pass', 'pass', 'pass', 'last', 'mute'])
  expect(new Set(results.slice(4))).toEqual(new Set(['mute']))
})

test('listens again after an hour of quiet, and never stopped listening to others', () => {
  const guard = new LoopGuard(2)
  for (let index = 0; index < 10; index++) guard.check('robot@x.test', `<${index}>`, at(index))
  expect(guard.check('anna@x.test', '<a>', at(10))).toBe('pass')
  expect(guard.check('robot@x.test', '<later>', at(9 + 61))).toBe('pass')
})

test('counts by the time of arrival, and a mail that is read again not at all', () => {
  const guard = new LoopGuard(2)
  const night = Array.from({ length: 10 }, (_, index) =>
    guard.check('anna@x.test', `<${index}>`, at(index * 40)),
  )
  expect(new Set(night)).toEqual(new Set(['pass']))
  for (let round = 0; round < 5; round++) expect(guard.check('anna@x.test', '<9>', at(360))).toBe('pass')
  expect(guard.check('anna@x.test', '<10>', at(385))).toBe('pass')
})
