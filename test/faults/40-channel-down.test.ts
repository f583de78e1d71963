import { expect, test } from 'vitest'
import { Undeliverable } from '../../src/inbox/delivery/send-channel.ts'
import { MINUTE, SECOND } from '../../src/support/clock.ts'
import { TransientError } from '../../src/support/errors.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { MemoryChannel, MessageFixture, UNMERGED } from '../support/message-fixture.ts'

test('while one channel is down its answers wait in their order, and another channel notices nothing', async () => {
  const clock = new FakeClock()
  const down = new MemoryChannel('chat')
  const up = new MemoryChannel('other')
  await using fixture = await MessageFixture.start({ clock, sendChannels: [down, up], messaging: UNMERGED })
  let broken = true
  let tries = 0
  down.onSend = () => {
    tries++
    if (broken) throw new TransientError('connection refused')
  }
  await fixture.say('a', 'one', 'two')
  const chat = { id: 'x', kind: 'private', addressed: true } as const
  await fixture.messaging.receiver.receive('other', [fixture.message('hi', { address: 'x', chat })], [])
  await fixture.rest()
  expect(up.texts('x')).toEqual(['answer to hi'])
  expect(down.texts('a')).toEqual([])
  await fixture.pass(30 * MINUTE, 10 * SECOND)
  // The model has answered both; only the sending waits, and it is not a storm.
  expect(fixture.model.asked.toSorted()).toEqual(['hi', 'one', 'two'])
  expect(fixture.model.asked.filter((text) => text !== 'hi')).toEqual(['one', 'two'])
  expect(tries).toBeLessThan(20)
  broken = false
  await fixture.pass(6 * MINUTE, 10 * SECOND)
  expect(down.texts('a')).toEqual(['answer to one', 'answer to two'])
  expect(fixture.model.requests).toHaveLength(3)
})

test('a chat that blocked the bot ends its own messages and nobody else’s', async () => {
  const sendChannel = new MemoryChannel()
  sendChannel.maxPart = 10
  sendChannel.onSend = (address) => {
    if (address === 'blocked') throw new Undeliverable('the bot was blocked')
  }
  await using fixture = await MessageFixture.start({ sendChannels: [sendChannel] })
  await fixture.say('blocked', 'one', 'two')
  await fixture.say('b', 'x')
  await fixture.rest()
  await fixture.rest()
  expect(sendChannel.texts('b').join('')).toBe('answer to x')
  expect(await fixture.storage.outbox.pending()).toEqual([])
})

test('after a crash in the middle of a long answer the parts that were sent are not sent again', async () => {
  const sendChannel = new MemoryChannel()
  sendChannel.maxPart = 10
  sendChannel.onSend = (_address, part) => (part.startsWith('third') ? new Promise(() => {}) : undefined)
  const fixture = await MessageFixture.start({ sendChannels: [sendChannel] })
  fixture.model.reply = () => 'first ....second ...third ....'
  await fixture.say('a', 'long')
  await fixture.rest()
  expect(sendChannel.texts('a')).toEqual(['first ....', 'second ...'])
  await fixture.crash()
  sendChannel.onSend = () => {}
  await using next = await MessageFixture.start({ sendChannels: [sendChannel], path: fixture.path })
  await next.rest()
  expect(sendChannel.texts('a')).toEqual(['first ....', 'second ...', 'third ....'])
  expect(next.model.requests).toHaveLength(0)
})
