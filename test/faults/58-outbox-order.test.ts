import { expect, test } from 'vitest'
import { MINUTE, SECOND } from '../../src/support/clock.ts'
import { TransientError } from '../../src/support/errors.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { MemoryChannel, MessageFixture, UNMERGED } from '../support/message-fixture.ts'

test('a rate-limited first answer goes before a ready second one, and before a notice', async () => {
  const clock = new FakeClock()
  const sendChannel = new MemoryChannel()
  await using fixture = await MessageFixture.start({
    clock,
    sendChannels: [sendChannel],
    messaging: UNMERGED,
  })
  const sentAt: number[] = []
  let limited = true
  sendChannel.onSend = () => {
    if (limited) {
      limited = false
      throw new TransientError('too many requests', 40 * SECOND, 'rate-limited')
    }
    sentAt.push(clock.now())
  }
  const start = clock.now()
  await fixture.say('a', 'one', 'two')
  await fixture.rest()
  await fixture.say('a', '/help')
  await fixture.say('a', 'three')
  await fixture.rest()
  expect(fixture.model.asked).toEqual(['one', 'two', 'three'])
  expect(sendChannel.texts('a')).toEqual([])
  await fixture.pass(MINUTE, SECOND)
  expect(sendChannel.texts('a')).toEqual([
    'answer to one',
    'answer to two',
    expect.stringContaining('/new – start'),
    'answer to three',
  ])
  // What the platform asked for was obeyed.
  expect(Math.min(...sentAt) - start).toBeGreaterThanOrEqual(40 * SECOND)
})

test('a draft does not overtake the outbox', async () => {
  const clock = new FakeClock()
  const sendChannel = new MemoryChannel('chat', SECOND)
  await using fixture = await MessageFixture.start({ clock, sendChannels: [sendChannel] })
  let limited = true
  // Only the answer that waits is held up: whatever of the second one were tried would be seen.
  sendChannel.onSend = (_address, part) => {
    if (limited && part === 'answer to one')
      throw new TransientError('too many requests', 20 * SECOND, 'rate-limited')
  }
  await fixture.say('a', 'one')
  await fixture.rest()
  let release = () => {}
  fixture.model.reply = async (_request, { onText }) => {
    onText('the beginning of a long second answer')
    await new Promise<void>((resolve) => (release = resolve))
    return 'second answer'
  }
  await fixture.say('a', 'two')
  await fixture.pass(10 * SECOND, SECOND)
  limited = false
  await fixture.pass(5 * SECOND, SECOND)
  // The first answer is not due yet, so nothing of the second may be seen.
  expect(sendChannel.texts('a')).toEqual([])
  await fixture.pass(10 * SECOND, SECOND)
  expect(sendChannel.texts('a')[0]).toBe('answer to one')
  release()
  await fixture.pass(10 * SECOND, SECOND)
  expect(sendChannel.texts('a')).toEqual(['answer to one', 'second answer'])
})
