import { expect, test } from 'vitest'
import { FakeClock } from '../../../test/support/fake-clock.ts'
import { MessageRig, lastText, until } from '../../../test/support/message-rig.ts'
import { HOUR, MINUTE, SECOND } from '../../support/clock.ts'
import { TransientError } from '../../support/errors.ts'

const abortable = (signal: AbortSignal) =>
  new Promise<never>((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)))

test('no more conversations at once than it was told', async () => {
  await using rig = await MessageRig.start({ messaging: { concurrency: 3 } })
  let inHand = 0
  let most = 0
  rig.model.reply = async () => {
    most = Math.max(most, ++inHand)
    await new Promise((resolve) => setTimeout(resolve, 5))
    inHand--
    return 'ok'
  }
  await Promise.all(Array.from({ length: 12 }, (_, index) => rig.say(`c${index}`, 'x')))
  await until(() => rig.outlet.shown.size === 12)
  expect(most).toBe(3)
})

test('while a probe is out nobody else asks; when it fails, nobody asks until the next', async () => {
  const clock = new FakeClock()
  await using rig = await MessageRig.start({ clock })
  rig.gate.unavailable(60 * SECOND, 'overloaded')
  for (let index = 0; index < 10; index++) await rig.say(`c${index}`, 'x')
  let fail = () => {}
  rig.model.reply = () =>
    new Promise((_resolve, reject) => (fail = () => reject(new TransientError('x', null, 'overloaded'))))
  await rig.pass(61 * SECOND, SECOND)
  expect(rig.model.requests).toHaveLength(1)
  fail()
  await rig.rest()
  expect(rig.model.requests).toHaveLength(1)
  rig.model.reply = () => 'ok'
  await rig.pass(MINUTE, SECOND)
  expect(rig.model.requests).toHaveLength(11)
})

test('after an outage the conversation that waited longest goes first, and not all at once', async () => {
  const clock = new FakeClock()
  await using rig = await MessageRig.start({ clock, messaging: { drainPerSecond: 5 } })
  rig.gate.unavailable(60 * SECOND, 'overloaded')
  for (let index = 0; index < 40; index++) {
    await rig.say(`c${index}`, `q${index}`)
    await clock.advance(100)
  }
  rig.model.reply = (request) => `re ${lastText(request)}`
  await rig.pass(57 * SECOND, SECOND)
  const first = rig.model.requests.length
  expect(first).toBeGreaterThan(0)
  expect(first).toBeLessThan(20)
  await rig.pass(10 * SECOND, 500)
  expect(rig.model.asked).toEqual(Array.from({ length: 40 }, (_, index) => `q${index}`))
})

test('a thousand waiting messages of one stop are answered after it, in order', async () => {
  const clock = new FakeClock()
  await using rig = await MessageRig.start({
    clock,
    messaging: { hold: { maxAgeMs: HOUR, maxPerConversation: 1_000, maxTotal: 10_000, merge: false } },
  })
  rig.gate.unavailable(10 * SECOND, 'overloaded')
  const texts = Array.from({ length: 20 }, (_, index) => `q${index}`)
  for (let chat = 0; chat < 50; chat++) await rig.say(`c${chat}`, ...texts)
  await rig.pass(30 * SECOND, SECOND)
  for (let chat = 0; chat < 50; chat++) {
    expect(rig.outlet.texts(`c${chat}`).map((text) => text.split(' ').at(-1))).toEqual(texts)
  }
})

test('a stop lets the answer in hand finish, begins no other, and loses nothing', async () => {
  const rig = await MessageRig.start()
  let finish = () => {}
  rig.model.reply = () => new Promise((resolve) => (finish = () => resolve('done')))
  await rig.say('a', 'one', 'two')
  await rig.rest()
  const stopping = rig.messaging.stop(10_000)
  finish()
  await stopping
  await rig.crash()
  await using next = await MessageRig.start({ path: rig.path, outlets: [rig.outlet] })
  await next.rest()
  expect(rig.model.asked).toEqual(['one'])
  expect(next.model.asked).toEqual(['two'])
  expect(rig.outlet.texts('a')).toEqual(['done', 'answer to two'])
})

test('an answer that takes too long is handed back in time, and answered by the next process', async () => {
  const rig = await MessageRig.start()
  rig.model.reply = (_request, { signal }) => abortable(signal)
  await rig.say('a', 'one')
  await rig.rest()
  const began = Date.now()
  await rig.messaging.stop(600)
  expect(Date.now() - began).toBeLessThan(2_000)
  expect(await rig.storage.inbox.counts()).toMatchObject({ received: 1, answering: 0 })
  await rig.crash()
  await using next = await MessageRig.start({ path: rig.path, outlets: [rig.outlet] })
  await next.rest()
  expect(rig.outlet.texts('a')).toEqual(['answer to one'])
})

test('five minutes with work and without any answer is a stall; an outage or idleness is not', async () => {
  const clock = new FakeClock()
  await using rig = await MessageRig.start({ clock })
  const { dispatcher } = rig.messaging
  rig.model.reply = (_request, { signal }) => abortable(signal)
  expect(dispatcher.stalled).toBe(false)
  await rig.pass(10 * MINUTE)
  expect(dispatcher.stalled).toBe(false)
  await rig.say('a', 'one')
  await rig.rest()
  expect(dispatcher.stalled).toBe(false)
  await rig.pass(4 * MINUTE)
  expect(dispatcher.stalled).toBe(false)
  await rig.pass(MINUTE)
  expect(dispatcher.stalled).toBe(true)
  rig.gate.usageLimited(clock.now() + HOUR)
  expect(dispatcher.stalled).toBe(false)
})

test.each(['before', 'after'])(
  'a stop %s a lease that is under way meets what came before it, and only that',
  async (moment) => {
    const clock = new FakeClock()
    let leased = () => {}
    let hold = true
    await using rig = await MessageRig.start({
      clock,
      wrapInbox: (inbox) => ({
        ...inbox,
        lease: async (request) => {
          const early = moment === 'after' ? await inbox.lease(request) : null
          if (hold) await new Promise<void>((resolve) => (leased = resolve))
          hold = false
          return early ?? inbox.lease(request)
        },
      }),
    })
    await rig.say('a', 'one')
    await rig.rest()
    await rig.say('a', '/stop', 'two')
    leased()
    await rig.rest()
    expect(rig.model.asked).toEqual(['two'])
    expect(rig.outlet.texts('a')).toEqual(['Stopped.', 'answer to two'])
  },
)

test('a message sent after /stop is not stopped with the one before', async () => {
  await using rig = await MessageRig.start()
  rig.model.reply = (request, { signal }) =>
    lastText(request) === 'slow' ? abortable(signal) : Promise.resolve('quick answer')
  await rig.say('a', 'slow')
  await rig.rest()
  await rig.say('a', '/stop', 'quick')
  await rig.rest()
  expect(rig.outlet.texts('a')).toEqual(['Stopped.', 'quick answer'])
})
