import { expect, test } from 'vitest'
import { HOUR, MINUTE } from '../../src/support/clock.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { MessageRig } from '../support/message-rig.ts'

const states = async (rig: MessageRig) =>
  (await rig.rows('a'))
    .filter(({ role, text }) => role === 'user' && !text.startsWith('/'))
    .map(({ state }) => state)

test.each(['/stop', '/new'])(
  '%s withdraws what is held at once, and that survives a crash',
  async (command) => {
    const clock = new FakeClock()
    const rig = await MessageRig.start({ clock })
    rig.gate.usageLimited(clock.now() + HOUR)
    await rig.say('a', 'one', 'two')
    await rig.rest()
    const before = rig.outlet.texts('a').length
    const [result] = await rig.say('a', command)
    expect(result).toMatchObject({ withdrawn: 2 })
    await rig.rest()
    expect(rig.outlet.texts('a')).toHaveLength(before + 1)
    expect(await states(rig)).toEqual(['withdrawn', 'withdrawn'])
    await rig.crash()
    await using next = await MessageRig.start({ clock, path: rig.path, outlets: [rig.outlet] })
    await next.rest()
    expect(next.model.requests).toHaveLength(0)
    await next.say('a', 'three')
    await next.rest()
    expect(next.model.requests.map(({ messages }) => messages.map(({ text }) => text))).toEqual([['three']])
  },
)

test('/status answers during an outage and changes nothing', async () => {
  const clock = new FakeClock()
  await using rig = await MessageRig.start({ clock })
  rig.gate.usageLimited(clock.now() + HOUR)
  await rig.say('a', 'one', 'two')
  await rig.say('a', '/status')
  await rig.rest()
  expect(rig.outlet.texts('a').at(-1)).toBe(
    "I can't reach Claude since 00:00 UTC. Model: claude-test. Waiting in this chat: 2.",
  )
  await rig.pass(HOUR + MINUTE)
  expect(rig.model.asked).toEqual(['one\n\ntwo'])
})

test('/stop ends the answer in hand at once, and the next message is answered', async () => {
  await using rig = await MessageRig.start()
  rig.model.reply = (_request, { signal, onText }) => {
    onText('I was just')
    return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
  }
  await rig.say('a', 'tell me everything')
  await rig.rest()
  expect(await states(rig)).toEqual(['answering'])
  await rig.say('a', '/stop')
  await rig.rest()
  expect(await states(rig)).toEqual(['withdrawn'])
  expect(rig.outlet.texts('a')).toEqual(['Stopped.'])
  rig.model.reply = () => 'go on'
  await rig.say('a', 'next')
  await rig.rest()
  expect(rig.outlet.texts('a')).toEqual(['Stopped.', 'go on'])
  expect(rig.model.requests.at(-1)!.messages.map(({ text }) => text)).toEqual(['next'])
})
