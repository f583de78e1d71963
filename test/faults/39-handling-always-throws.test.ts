import { expect, test } from 'vitest'
import { MINUTE, SECOND } from '../../src/support/clock.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { MessageRig } from '../support/message-rig.ts'

test('a message whose handling always throws is parked after three tries, and the next ones go on', async () => {
  const clock = new FakeClock()
  await using rig = await MessageRig.start({ clock })
  rig.model.reply = (request) => {
    if (request.messages.at(-1)!.text === 'poison') throw new TypeError('x is not a function')
    return 'fine'
  }
  await rig.say('a', 'poison', 'after')
  await rig.say('b', 'elsewhere')
  await rig.rest()
  expect(rig.outlet.texts('b')).toEqual(['fine'])
  expect(rig.outlet.texts('a')).toEqual([])
  await rig.pass(2 * MINUTE, SECOND)
  expect(rig.model.asked.filter((text) => text === 'poison')).toHaveLength(3)
  expect(rig.outlet.texts('a')).toEqual([
    'Something went wrong with this message. The operator has been told and can try it again.',
    'fine',
  ])
  const rows = await rig.rows('a')
  expect(rows.find(({ text }) => text === 'poison')).toMatchObject({ state: 'parked' })
  expect((await rig.storage.inbox.queue({ states: ['parked'], limit: 10 })).map(({ text }) => text)).toEqual([
    'poison',
  ])
})

test('the operator can have a parked message tried again', async () => {
  const clock = new FakeClock()
  await using rig = await MessageRig.start({ clock })
  rig.model.reply = () => {
    throw new TypeError('broken')
  }
  await rig.say('a', 'poison')
  await rig.pass(2 * MINUTE, SECOND)
  const [parked] = await rig.storage.inbox.queue({ states: ['parked'], limit: 10 })
  rig.model.reply = () => 'mended'
  expect(await rig.storage.inbox.retry(parked!.id, clock.now())).toBe(parked!.conversationId)
  rig.messaging.dispatcher.wake(parked!.conversationId)
  await rig.rest()
  expect(rig.outlet.texts('a').at(-1)).toMatch(/mended$/)
})
