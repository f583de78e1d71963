import { expect, test } from 'vitest'
import { MINUTE, SECOND } from '../../src/support/clock.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { MessageFixture, UNMERGED } from '../support/message-fixture.ts'

test('a message whose handling always throws is parked after three attempts, and the next ones are answered', async () => {
  const clock = new FakeClock()
  await using fixture = await MessageFixture.start({ clock, messaging: UNMERGED })
  fixture.model.reply = (request) => {
    if (request.messages.at(-1)!.text === 'poison') throw new TypeError('x is not a function')
    return 'fine'
  }
  await fixture.say('a', 'poison', 'after')
  await fixture.say('b', 'elsewhere')
  await fixture.rest()
  expect(fixture.sendChannel.texts('b')).toEqual(['fine'])
  expect(fixture.sendChannel.texts('a')).toEqual([])
  await fixture.pass(2 * MINUTE, SECOND)
  expect(fixture.model.asked.filter((text) => text === 'poison')).toHaveLength(3)
  expect(fixture.sendChannel.texts('a')).toEqual([
    'Something went wrong with this message. The operator has been notified and can retry it.',
    'fine',
  ])
  const rows = await fixture.rows('a')
  expect(rows.find(({ text }) => text === 'poison')).toMatchObject({ state: 'parked' })
  expect(
    (await fixture.storage.inbox.queue({ states: ['parked'], limit: 10 })).map(({ text }) => text),
  ).toEqual(['poison'])
})

test('messages that are answered together are told apart before one is parked', async () => {
  const clock = new FakeClock()
  await using fixture = await MessageFixture.start({ clock })
  fixture.model.reply = (request) => {
    if (request.messages.at(-1)!.text.includes('poison')) throw new TypeError('x is not a function')
    return 'fine'
  }
  await fixture.say('a', 'before', 'poison', 'after')
  await fixture.pass(2 * MINUTE, SECOND)
  expect(fixture.model.asked).toEqual([
    'before\n\npoison\n\nafter',
    'before\n\npoison\n\nafter',
    'before\n\npoison\n\nafter',
    'before',
    'poison',
    'after',
  ])
  expect(
    (await fixture.storage.inbox.queue({ states: ['parked'], limit: 10 })).map(({ text }) => text),
  ).toEqual(['poison'])
})

test('the operator can have a parked message tried again', async () => {
  const clock = new FakeClock()
  await using fixture = await MessageFixture.start({ clock })
  fixture.model.reply = () => {
    throw new TypeError('broken')
  }
  await fixture.say('a', 'poison')
  await fixture.pass(2 * MINUTE, SECOND)
  const [parked] = await fixture.storage.inbox.queue({ states: ['parked'], limit: 10 })
  fixture.model.reply = () => 'repaired'
  expect(await fixture.storage.inbox.retry(parked!.id, clock.now())).toBe(parked!.conversationId)
  fixture.messaging.dispatcher.wake(parked!.conversationId)
  await fixture.rest()
  expect(fixture.sendChannel.texts('a').at(-1)).toMatch(/repaired$/)
})
