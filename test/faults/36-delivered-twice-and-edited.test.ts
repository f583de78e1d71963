import { expect, test } from 'vitest'
import { HOUR, MINUTE } from '../../src/support/clock.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { MessageFixture, until } from '../support/message-fixture.ts'

const chat = { id: 'a', kind: 'private', addressed: true } as const
const person = { id: 'person', name: null }

test('the same platform message delivered twice gives one turn', async () => {
  await using fixture = await MessageFixture.start()
  const item = fixture.message('once')
  const [first] = await fixture.messaging.receiver.receive('chat', [item], [])
  const [second] = await fixture.messaging.receiver.receive('chat', [item, item], [])
  expect(second).toMatchObject({ duplicate: true, messageId: first!.messageId })
  await until(() => fixture.sendChannel.texts('a').length > 0)
  await fixture.messaging.receiver.receive('chat', [item], [])
  await fixture.rest()
  expect(fixture.model.asked).toEqual(['once'])
  expect(fixture.sendChannel.texts('a')).toEqual(['answer to once'])
})

test('an edit changes what is held, and nothing that is already being answered', async () => {
  const clock = new FakeClock()
  await using fixture = await MessageFixture.start({ clock })
  fixture.gate.usageLimited(clock.now() + HOUR)
  const item = fixture.message('teh question', { platformMessageId: 'm1' })
  await fixture.messaging.receiver.receive('chat', [item], [])
  const edit = { kind: 'edit', address: 'a', platformMessageId: 'm1', person, chat } as const
  await fixture.messaging.receiver.receive('chat', [{ ...edit, text: 'the question' }], [])
  let release = () => {}
  fixture.model.reply = () => new Promise((resolve) => (release = () => resolve('done')))
  await fixture.pass(HOUR + MINUTE)
  expect(fixture.model.asked).toEqual(['the question'])
  await fixture.messaging.receiver.receive('chat', [{ ...edit, text: 'something else' }], [])
  release()
  await fixture.rest()
  const rows = await fixture.rows('a')
  expect(rows.find(({ role }) => role === 'user')?.text).toBe('the question')
  expect(fixture.model.asked).toEqual(['the question'])
})

test('a deletion withdraws what is held', async () => {
  const clock = new FakeClock()
  await using fixture = await MessageFixture.start({ clock })
  fixture.gate.usageLimited(clock.now() + HOUR)
  const item = fixture.message('never mind', { platformMessageId: 'm1' })
  await fixture.messaging.receiver.receive('chat', [item], [])
  await fixture.messaging.receiver.receive(
    'chat',
    [{ kind: 'deletion', address: 'a', platformMessageId: 'm1' }],
    [],
  )
  await fixture.pass(HOUR + MINUTE)
  expect(fixture.model.asked).toEqual([])
  expect((await fixture.rows('a'))[0]).toMatchObject({ state: 'withdrawn' })
})
