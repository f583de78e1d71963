import { expect, test } from 'vitest'
import { MINUTE, SECOND } from '../../src/support/clock.ts'
import { TransientError } from '../../src/support/errors.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { MemoryOutlet, MessageRig } from '../support/message-rig.ts'

test('a rate-limited first answer goes before a ready second one, and before a notice', async () => {
  const clock = new FakeClock()
  const outlet = new MemoryOutlet()
  await using rig = await MessageRig.start({ clock, outlets: [outlet] })
  const sentAt: number[] = []
  let limited = true
  outlet.onSend = () => {
    if (limited) {
      limited = false
      throw new TransientError('too many requests', 40 * SECOND, 'rate-limited')
    }
    sentAt.push(clock.now())
  }
  const start = clock.now()
  await rig.say('a', 'one', 'two')
  await rig.rest()
  await rig.say('a', '/help')
  await rig.say('a', 'three')
  await rig.rest()
  expect(rig.model.asked).toEqual(['one', 'two', 'three'])
  expect(outlet.texts('a')).toEqual([])
  await rig.pass(MINUTE, SECOND)
  expect(outlet.texts('a')).toEqual([
    'answer to one',
    'answer to two',
    expect.stringContaining('/new begins'),
    'answer to three',
  ])
  // What the platform asked for was obeyed.
  expect(Math.min(...sentAt) - start).toBeGreaterThanOrEqual(40 * SECOND)
})

test('a draft does not overtake what waits in the outbox', async () => {
  const clock = new FakeClock()
  const outlet = new MemoryOutlet('chat', SECOND)
  await using rig = await MessageRig.start({ clock, outlets: [outlet] })
  let limited = true
  // Only the answer that waits is held up: whatever of the second one were tried would be seen.
  outlet.onSend = (_address, part) => {
    if (limited && part === 'answer to one')
      throw new TransientError('too many requests', 20 * SECOND, 'rate-limited')
  }
  await rig.say('a', 'one')
  await rig.rest()
  let release = () => {}
  rig.model.reply = async (_request, { onText }) => {
    onText('the beginning of a long second answer')
    await new Promise<void>((resolve) => (release = resolve))
    return 'second answer'
  }
  await rig.say('a', 'two')
  await rig.pass(10 * SECOND, SECOND)
  limited = false
  await rig.pass(5 * SECOND, SECOND)
  // The first answer is not due yet, so nothing of the second may be seen.
  expect(outlet.texts('a')).toEqual([])
  await rig.pass(10 * SECOND, SECOND)
  expect(outlet.texts('a')[0]).toBe('answer to one')
  release()
  await rig.pass(10 * SECOND, SECOND)
  expect(outlet.texts('a')).toEqual(['answer to one', 'second answer'])
})
