import { expect, test } from 'vitest'
import { FakeClock } from '../../../../test/support/fake-clock.ts'
import { SECOND } from '../../../support/clock.ts'
import { TransientError } from '../../../support/errors.ts'
import { TypingPace, Pacer } from './pacer.ts'

const signal = new AbortController().signal

test('turns that are asked for at the same moment share no token', async () => {
  const clock = new FakeClock()
  const pacer = new Pacer<string>(clock, () => ({ burst: 2, perSecond: 1 }))
  const bucket = pacer.bucketOf('a')
  let turns = 0
  const all = [1, 2, 3].map(() => pacer.turn([bucket], signal).then(() => turns++))
  await clock.advance(0)
  expect(turns).toBe(2)
  await clock.advance(SECOND)
  await Promise.all(all)
})

test('a turn takes a token of each bucket or of none', async () => {
  const clock = new FakeClock()
  const pacer = new Pacer<string>(clock, (name) => ({ burst: name === 'small' ? 1 : 5, perSecond: 0.1 }))
  const both = [pacer.bucketOf('small'), pacer.bucketOf('large')]
  expect(pacer.tryTurn(both, 0)).toBe(true)
  expect(pacer.tryTurn(both, 0)).toBe(false)
  await expect(pacer.turn(both, signal)).rejects.toBeInstanceOf(TransientError)
  for (let left = 4; left > 0; left--) expect(pacer.tryTurn([both[1]!], 0)).toBe(true)
  expect(pacer.tryTurn([both[1]!], 0)).toBe(false)
})

test('a closed bucket gives nothing for as long as the longest wait that was asked for, an hour at most', async () => {
  const clock = new FakeClock()
  const pacer = new Pacer<string>(clock, () => ({ burst: 5, perSecond: 1 }))
  const bucket = pacer.bucketOf('a')
  bucket.close(30 * SECOND)
  bucket.close(5 * SECOND)
  await clock.advance(29 * SECOND)
  expect(bucket.closedMs()).toBe(SECOND)
  expect(pacer.tryTurn([bucket], 0)).toBe(false)
  await clock.advance(SECOND)
  expect(pacer.tryTurn([bucket], 0)).toBe(true)
  bucket.close(24 * 3_600 * SECOND)
  expect(bucket.closedMs()).toBe(3_600 * SECOND)
})

test('unused buckets are forgotten, others are not', async () => {
  const clock = new FakeClock()
  const pacer = new Pacer<number>(clock, () => ({ burst: 1, perSecond: 0.001 }))
  const busy = pacer.bucketOf(0)
  const unused = pacer.bucketOf(1)
  busy.take()
  for (let name = 2; name <= 5_000; name++) pacer.bucketOf(name)
  expect(pacer.bucketOf(0)).toBe(busy)
  expect(pacer.bucketOf(1)).not.toBe(unused)
})

test('the indicator is shown once an interval in each place', async () => {
  const clock = new FakeClock()
  const pace = new TypingPace(clock, 3_000)
  expect([pace.tryShow('a'), pace.tryShow('a'), pace.tryShow('b')]).toEqual([true, false, true])
  await clock.advance(2_999)
  expect(pace.tryShow('a')).toBe(false)
  // What was left out does not put off the next one.
  await clock.advance(1)
  expect([pace.tryShow('a'), pace.tryShow('a')]).toEqual([true, false])
})

test('a wall clock that is set back does not silence it', async () => {
  const clock = new FakeClock()
  const pace = new TypingPace(clock, 3_000)
  pace.tryShow('a')
  clock.jump(-3_600_000)
  await clock.advance(3_000)
  expect(pace.tryShow('a')).toBe(true)
})

test('a thousand places are remembered, and of more the one shown longest ago is forgotten', async () => {
  const clock = new FakeClock()
  const pace = new TypingPace(clock, 3_000)
  pace.tryShow('first')
  await clock.advance(3_000)
  for (let i = 0; i < 999; i++) pace.tryShow(`place ${i}`)
  // Shown again, it is the latest of a thousand.
  expect(pace.tryShow('first')).toBe(true)
  pace.tryShow('one more')
  expect([pace.tryShow('first'), pace.tryShow('place 1'), pace.tryShow('place 0')]).toEqual([
    false,
    false,
    true,
  ])
})
