import { expect, test } from 'vitest'
import { HOUR, MINUTE } from '../../src/support/clock.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { MessageRig, until } from '../support/message-rig.ts'

const chat = { id: 'a', kind: 'private', addressed: true } as const
const person = { id: 'person', name: null }

test('the same platform message delivered twice gives one turn', async () => {
  await using rig = await MessageRig.start()
  const item = rig.message('once')
  const [first] = await rig.messaging.receiver.receive('chat', [item], [])
  const [second] = await rig.messaging.receiver.receive('chat', [item, item], [])
  expect(second).toMatchObject({ duplicate: true, messageId: first!.messageId })
  await until(() => rig.outlet.texts('a').length > 0)
  await rig.messaging.receiver.receive('chat', [item], [])
  await rig.rest()
  expect(rig.model.asked).toEqual(['once'])
  expect(rig.outlet.texts('a')).toEqual(['answer to once'])
})

test('an edit changes what is held, and nothing that is already being answered', async () => {
  const clock = new FakeClock()
  await using rig = await MessageRig.start({ clock })
  rig.gate.usageLimited(clock.now() + HOUR)
  const item = rig.message('teh question', { platformMessageId: 'm1' })
  await rig.messaging.receiver.receive('chat', [item], [])
  const edit = { kind: 'edit', address: 'a', platformMessageId: 'm1', person, chat } as const
  await rig.messaging.receiver.receive('chat', [{ ...edit, text: 'the question' }], [])
  let release = () => {}
  rig.model.reply = () => new Promise((resolve) => (release = () => resolve('done')))
  await rig.pass(HOUR + MINUTE)
  expect(rig.model.asked).toEqual(['the question'])
  await rig.messaging.receiver.receive('chat', [{ ...edit, text: 'something else' }], [])
  release()
  await rig.rest()
  const rows = await rig.rows('a')
  expect(rows.find(({ role }) => role === 'user')?.text).toBe('the question')
  expect(rig.model.asked).toEqual(['the question'])
})

test('a deletion withdraws what is held', async () => {
  const clock = new FakeClock()
  await using rig = await MessageRig.start({ clock })
  rig.gate.usageLimited(clock.now() + HOUR)
  const item = rig.message('never mind', { platformMessageId: 'm1' })
  await rig.messaging.receiver.receive('chat', [item], [])
  await rig.messaging.receiver.receive(
    'chat',
    [{ kind: 'deletion', address: 'a', platformMessageId: 'm1' }],
    [],
  )
  await rig.pass(HOUR + MINUTE)
  expect(rig.model.asked).toEqual([])
  expect((await rig.rows('a'))[0]).toMatchObject({ state: 'withdrawn' })
})
