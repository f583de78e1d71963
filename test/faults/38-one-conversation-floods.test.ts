import { expect, test } from 'vitest'
import { HOUR, MINUTE } from '../../src/support/clock.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { MessageFixture, UNMERGED, until } from '../support/message-fixture.ts'

const FULL = "I'm still offline and can't save more messages in this chat. Please send this one again later."

test('a conversation that floods takes its turn like everybody else', async () => {
  await using fixture = await MessageFixture.start({ messaging: { ...UNMERGED, concurrency: 1 } })
  const order: string[] = []
  fixture.model.reply = (request) => {
    order.push(request.messages.at(-1)!.text)
    return 'ok'
  }
  await fixture.say('flood', ...Array.from({ length: 40 }, (_, index) => `flood ${index}`))
  await fixture.say('quiet', 'hello')
  await until(() => fixture.sendChannel.texts('quiet').length === 1)
  expect(order.indexOf('hello')).toBeLessThan(10)
  await until(() => fixture.sendChannel.texts('flood').length === 40)
  expect(order.filter((text) => text.startsWith('flood'))).toEqual(
    Array.from({ length: 40 }, (_, index) => `flood ${index}`),
  )
})

test('a full hold refuses visibly, keeps what it has, and leaves other conversations alone', async () => {
  const clock = new FakeClock()
  await using fixture = await MessageFixture.start({ clock })
  fixture.gate.usageLimited(clock.now() + HOUR)
  const flood = Array.from({ length: 55 }, (_, index) => `m${index}`)
  const accepted = await fixture.say('flood', ...flood)
  const [other] = await fixture.say('other', 'hello')
  await fixture.rest()
  expect(accepted.filter(({ holdFull }) => holdFull)).toHaveLength(5)
  expect(accepted.slice(50).every(({ state }) => state === 'refused')).toBe(true)
  expect(fixture.sendChannel.texts('flood')).toContain(FULL)
  expect(other).toMatchObject({ state: 'held', holdFull: false })
  await fixture.pass(HOUR + MINUTE)
  expect(fixture.model.asked).toContain(flood.slice(0, 50).join('\n\n'))
  expect(fixture.model.asked).toContain('hello')
})

test('the hold has a limit over all conversations, too', async () => {
  const clock = new FakeClock()
  const hold = { maxAge: HOUR, maxPerConversation: 50, maxTotal: 3, merge: true }
  await using fixture = await MessageFixture.start({ clock, messaging: { hold } })
  fixture.gate.usageLimited(clock.now() + HOUR)
  await fixture.say('a', '1', '2')
  const [third, fourth] = [(await fixture.say('b', '3'))[0]!, (await fixture.say('c', '4'))[0]!]
  expect([third.holdFull, fourth.holdFull]).toEqual([false, true])
})

test('somebody who writes far too fast is asked politely to wait, once a minute', async () => {
  const clock = new FakeClock()
  await using fixture = await MessageFixture.start({ clock, messaging: { ...UNMERGED, ratePerPerson: 2 } })
  await fixture.say('a', ...Array.from({ length: 20 }, (_, index) => `m${index}`))
  await fixture.rest()
  const asked = fixture.model.asked.length
  expect(asked).toBe(6)
  const refusals = fixture.sendChannel
    .texts('a')
    .filter((text) => text.startsWith("You're sending messages too quickly"))
  expect(refusals).toHaveLength(1)
  await fixture.pass(MINUTE)
  await fixture.say('a', 'patient')
  await fixture.rest()
  expect(fixture.model.asked.at(-1)).toBe('patient')
})
