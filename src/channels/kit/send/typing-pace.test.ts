import { expect, test } from 'vitest'
import { FakeClock } from '../../../../test/support/fake-clock.ts'
import { TypingPace } from './typing-pace.ts'

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
