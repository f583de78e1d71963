import { expect, test } from 'vitest'
import { HOUR, MINUTE } from '../../src/support/clock.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { MessageFixture } from '../support/message-fixture.ts'

const states = async (fixture: MessageFixture) =>
  (await fixture.rows('a'))
    .filter(({ role, text }) => role === 'user' && !text.startsWith('/'))
    .map(({ state }) => state)

test.each(['/stop', '/new'])(
  '%s withdraws what is held at once, and that survives a crash',
  async (command) => {
    const clock = new FakeClock()
    const fixture = await MessageFixture.start({ clock })
    fixture.gate.usageLimited(clock.now() + HOUR)
    await fixture.say('a', 'one', 'two')
    await fixture.rest()
    const before = fixture.sendChannel.texts('a').length
    const [result] = await fixture.say('a', command)
    expect(result).toMatchObject({ withdrawn: 2 })
    await fixture.rest()
    expect(fixture.sendChannel.texts('a')).toHaveLength(before + 1)
    expect(await states(fixture)).toEqual(['withdrawn', 'withdrawn'])
    await fixture.crash()
    await using next = await MessageFixture.start({
      clock,
      path: fixture.path,
      sendChannels: [fixture.sendChannel],
    })
    await next.rest()
    expect(next.model.requests).toHaveLength(0)
    await next.say('a', 'three')
    await next.rest()
    expect(next.model.requests.map(({ messages }) => messages.map(({ text }) => text))).toEqual([['three']])
  },
)

test('/status answers during an outage and changes nothing', async () => {
  const clock = new FakeClock()
  await using fixture = await MessageFixture.start({ clock })
  fixture.gate.usageLimited(clock.now() + HOUR)
  await fixture.say('a', 'one', 'two')
  await fixture.say('a', '/status')
  await fixture.rest()
  expect(fixture.sendChannel.texts('a').at(-1)).toBe(
    "I haven't been able to reach Claude since 00:00 UTC. Model: claude-test. Messages waiting in this chat: 2.",
  )
  await fixture.pass(HOUR + MINUTE)
  expect(fixture.model.asked).toEqual(['one\n\ntwo'])
})

test('/stop ends the running answer at once, and the next message is answered', async () => {
  await using fixture = await MessageFixture.start()
  fixture.model.reply = (_request, { signal, onText }) => {
    onText('I was just')
    return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
  }
  await fixture.say('a', 'tell me everything')
  await fixture.rest()
  expect(await states(fixture)).toEqual(['answering'])
  await fixture.say('a', '/stop')
  await fixture.rest()
  expect(await states(fixture)).toEqual(['withdrawn'])
  expect(fixture.sendChannel.texts('a')).toEqual(['Stopped.'])
  fixture.model.reply = () => 'continue'
  await fixture.say('a', 'next')
  await fixture.rest()
  expect(fixture.sendChannel.texts('a')).toEqual(['Stopped.', 'continue'])
  expect(fixture.model.requests.at(-1)!.messages.map(({ text }) => text)).toEqual(['next'])
})

test('/status says at once that Claude is overloaded for a moment', async () => {
  const clock = new FakeClock()
  await using fixture = await MessageFixture.start({ clock })
  fixture.gate.unavailable(null, 'overloaded')
  await fixture.say('a', '/status')
  await fixture.rest()
  expect(fixture.sendChannel.texts('a').at(-1)).toContain(
    "I haven't been able to reach Claude since 00:00 UTC.",
  )
})

test('an instruction that was held is given to the model alone, where it is obeyed', async () => {
  const clock = new FakeClock()
  await using fixture = await MessageFixture.start({ clock })
  fixture.gate.usageLimited(clock.now() + HOUR)
  await fixture.say('a', 'will this wait?', '!revoke', 'and', 'this')
  await fixture.rest()
  await fixture.pass(HOUR + MINUTE)
  expect(fixture.model.asked).toEqual(['will this wait?', '!revoke', 'and\n\nthis'])
})
