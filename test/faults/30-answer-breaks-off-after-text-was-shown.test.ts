import { expect, test } from 'vitest'
import { MINUTE, SECOND } from '../../src/support/clock.ts'
import { TransientError } from '../../src/support/errors.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { MemoryChannel, MessageFixture } from '../support/message-fixture.ts'

test('an answer that breaks off is written again in the same platform message', async () => {
  const clock = new FakeClock()
  const sendChannel = new MemoryChannel('chat', SECOND)
  await using fixture = await MessageFixture.start({ clock, sendChannels: [sendChannel] })
  let breakOff = () => {}
  fixture.model.reply = (_request, { onText }) => {
    onText('the first half of ')
    return new Promise((_resolve, reject) => {
      breakOff = () => reject(new TransientError('the credential was replaced', 0, 'credential'))
    })
  }
  await fixture.say('a', 'question')
  await fixture.pass(3 * SECOND, SECOND)
  expect(sendChannel.texts('a')).toEqual(['the first half of '])
  fixture.model.reply = async (_request, { onText }) => {
    onText('started over')
    await new Promise<void>((resolve) => clock.setTimer(resolve, 10 * SECOND))
    return 'the whole answer'
  }
  breakOff()
  await fixture.pass(5 * SECOND, SECOND)
  expect(sendChannel.texts('a')).toEqual(['started over'])
  await fixture.pass(MINUTE, SECOND)
  expect(sendChannel.texts('a')).toEqual(['the whole answer'])
  expect(fixture.model.asked).toEqual(['question', 'question'])
})

test('an answer that begins again within its turn replaces what was shown, and none of it is kept', async () => {
  const clock = new FakeClock()
  const sendChannel = new MemoryChannel('chat', SECOND)
  await using fixture = await MessageFixture.start({ clock, sendChannels: [sendChannel] })
  let goAhead = () => {}
  fixture.model.reply = async (_request, { onText, onRestart }) => {
    onText('the first half of ')
    await new Promise<void>((resolve) => (goAhead = resolve))
    onRestart!()
    onText('started over')
    await new Promise<void>((resolve) => (goAhead = resolve))
    return ' and whole'
  }
  await fixture.say('a', 'question')
  await fixture.pass(3 * SECOND, SECOND)
  expect(sendChannel.texts('a')).toEqual(['the first half of '])
  goAhead()
  await fixture.pass(3 * SECOND, SECOND)
  expect(sendChannel.texts('a')).toEqual(['started over'])
  goAhead()
  await fixture.rest()
  expect(sendChannel.texts('a')).toEqual(['and whole'])
  expect(fixture.model.asked).toEqual(['question'])
})

test('the same after the process was killed in the middle of the answer', async () => {
  const clock = new FakeClock()
  const sendChannel = new MemoryChannel('chat', SECOND)
  const fixture = await MessageFixture.start({ clock, sendChannels: [sendChannel] })
  fixture.model.reply = (_request, { onText }) => {
    onText('the first half of ')
    return new Promise(() => {})
  }
  await fixture.say('a', 'question')
  await fixture.pass(3 * SECOND, SECOND)
  await fixture.crash()
  await using next = await MessageFixture.start({ clock, sendChannels: [sendChannel], path: fixture.path })
  await next.rest()
  expect(sendChannel.texts('a')).toEqual(['answer to question'])
})

test('a draft that the reader has deleted does not delete the answer', async () => {
  const clock = new FakeClock()
  const { Undeliverable } = await import('../../src/inbox/delivery/send-channel.ts')
  const sendChannel = new MemoryChannel('chat', SECOND)
  await using fixture = await MessageFixture.start({ clock, sendChannels: [sendChannel] })
  let finish = () => {}
  fixture.model.reply = (_request, { onText }) => {
    onText('the first half of ')
    return new Promise((resolve) => (finish = () => resolve('the answer')))
  }
  await fixture.say('a', 'question')
  await fixture.pass(3 * SECOND, SECOND)
  sendChannel.shown.clear()
  sendChannel.onEdit = () => {
    throw new Undeliverable('message to edit not found')
  }
  finish()
  await fixture.rest()
  expect(sendChannel.texts('a')).toEqual(['the answer'])
})
