import { expect, test } from 'vitest'
import { FakeClock } from '../../../test/support/fake-clock.ts'
import { MessageFixture, UNMERGED, lastText, until } from '../../../test/support/message-fixture.ts'
import { pause } from '../../../test/support/until.ts'
import { HOUR, MINUTE, SECOND, systemClock } from '../../support/clock.ts'
import { TransientError } from '../../support/errors.ts'
import { fleetOfOne } from '../fleet/fleet.ts'
import type { Inbox } from '../inbox.ts'
import { LocalWork } from './work-source.ts'

const abortable = (signal: AbortSignal) =>
  new Promise<never>((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)))

test('no more conversations at once than it was told', async () => {
  await using fixture = await MessageFixture.start({ messaging: { concurrency: 3 } })
  let inHand = 0
  let most = 0
  const threeInHand = Promise.withResolvers<void>()
  fixture.model.reply = async () => {
    most = Math.max(most, ++inHand)
    if (inHand === 3) threeInHand.resolve()
    // Nobody is answered before three are asked; then long enough for a fourth to show itself.
    await threeInHand.promise
    await pause(5)
    inHand--
    return 'ok'
  }
  await Promise.all(Array.from({ length: 12 }, (_, index) => fixture.say(`c${index}`, 'x')))
  await until(() => fixture.sendChannel.shown.size === 12)
  expect(most).toBe(3)
})

test('while a probe is out nobody else asks; when it fails, nobody asks until the next', async () => {
  const clock = new FakeClock()
  await using fixture = await MessageFixture.start({ clock })
  fixture.gate.unavailable(60 * SECOND, 'overloaded')
  for (let index = 0; index < 10; index++) await fixture.say(`c${index}`, 'x')
  let fail = () => {}
  fixture.model.reply = () =>
    new Promise((_resolve, reject) => (fail = () => reject(new TransientError('x', null, 'overloaded'))))
  await fixture.pass(61 * SECOND, SECOND)
  expect(fixture.model.requests).toHaveLength(1)
  fail()
  await fixture.rest()
  expect(fixture.model.requests).toHaveLength(1)
  fixture.model.reply = () => 'ok'
  await fixture.pass(MINUTE, SECOND)
  expect(fixture.model.requests).toHaveLength(11)
})

test('a probe that is not over in time lets another conversation probe', async () => {
  const clock = new FakeClock()
  await using fixture = await MessageFixture.start({ clock })
  fixture.gate.unavailable(60 * SECOND, 'overloaded')
  fixture.model.reply = (request, { signal }) =>
    lastText(request) === 'hangs' ? abortable(signal) : `re ${lastText(request)}`
  for (const text of ['hangs', 'one', 'two']) await fixture.say(text, text)
  await fixture.pass(70 * SECOND, SECOND)
  expect(fixture.model.asked).toEqual(['hangs'])
  await fixture.pass(7 * SECOND, SECOND)
  expect(fixture.model.asked).toEqual(['hangs', 'one', 'two'])
  expect(fixture.gate.current().open).toBe(true)
})

/** Of the requests only those for `poison` fail, which may be their own failure. */
async function poisoned(clock: FakeClock): Promise<MessageFixture> {
  const fixture = await MessageFixture.start({ clock })
  fixture.model.suspected = true
  fixture.model.reply = (request) => {
    if (lastText(request).includes('poison')) throw new TransientError('broken', null, 'provider')
    return `re ${lastText(request)}`
  }
  return fixture
}

test('a request that may fail for itself holds no other conversation, and waits before it is tried again', async () => {
  const clock = new FakeClock()
  await using fixture = await poisoned(clock)
  await fixture.say('a', 'poison')
  await fixture.rest()
  await fixture.rest()
  expect(fixture.model.asked).toEqual(['poison'])
  expect(fixture.gate.current()).toMatchObject({ open: false, suspected: true })
  await fixture.say('b', 'hello')
  await fixture.rest()
  expect(fixture.sendChannel.texts('b')).toEqual(['re hello'])
  expect(fixture.gate.current().open).toBe(true)
  expect(fixture.model.asked).toEqual(['poison', 'hello'])
  await fixture.pass(3 * SECOND, 500)
  expect(fixture.model.asked.slice(2)).toEqual(['poison'])
})

test('the only conversation of an outage is told that it waits, tried with growing pauses, and answered at its end', async () => {
  const clock = new FakeClock()
  await using fixture = await poisoned(clock)
  await fixture.say('a', 'poison')
  await fixture.pass(29 * SECOND, SECOND)
  expect(fixture.sendChannel.texts('a')).toEqual([])
  await fixture.pass(MINUTE, SECOND)
  expect(fixture.sendChannel.texts('a')).toEqual([expect.stringContaining("I can't reach Claude right now")])
  await fixture.pass(HOUR, 5 * SECOND)
  expect(fixture.model.requests.length).toBeLessThan(25)
  // Long into the outage somebody else is answered at once.
  await fixture.say('b', 'hello')
  await fixture.rest()
  expect(fixture.sendChannel.texts('b')).toEqual(['re hello'])
  fixture.model.reply = () => 'at last'
  await fixture.pass(6 * MINUTE, 5 * SECOND)
  expect(fixture.sendChannel.texts('a').slice(1)).toEqual([expect.stringMatching(/ago\)\n\nat last$/)])
})

test('while a request may fail for itself, its conversation alone is counted as waiting', async () => {
  const clock = new FakeClock()
  await using fixture = await poisoned(clock)
  const { dispatcher } = fixture.messaging
  expect(dispatcher.suspected).toBe(0)
  await fixture.say('a', 'poison')
  await fixture.rest()
  await fixture.rest()
  expect(dispatcher.suspected).toBe(1)
  await fixture.say('a', 'more')
  expect(dispatcher.suspected).toBe(2)
  await fixture.say('b', 'hello')
  await fixture.rest()
  expect(dispatcher.suspected).toBe(0)
})

test.each([2, 3, 4])(
  '%i conversations of an outage wait longer and longer, and each is told so once',
  async (many) => {
    const clock = new FakeClock()
    await using fixture = await poisoned(clock)
    const chats = Array.from({ length: many }, (_, index) => `c${index}`)
    for (const chat of chats) {
      await fixture.say(chat, 'poison')
      await fixture.pass(700, 100)
    }
    await fixture.pass(75 * SECOND, SECOND)
    for (const chat of chats)
      expect(fixture.sendChannel.texts(chat)).toEqual([
        expect.stringContaining("I can't reach Claude right now"),
      ])
    await fixture.pass(HOUR, 5 * SECOND)
    expect(fixture.model.requests.length).toBeLessThan(25 * many)
    fixture.model.reply = () => 'at last'
    await fixture.pass(6 * MINUTE, 5 * SECOND)
    for (const chat of chats)
      expect(fixture.sendChannel.texts(chat).slice(1)).toEqual([expect.stringMatching(/ago\)\n\nat last$/)])
  },
)

test('after an outage the conversation that waited longest goes first, and not all at once', async () => {
  const clock = new FakeClock()
  await using fixture = await MessageFixture.start({ clock, messaging: { drainRate: 5 } })
  fixture.gate.unavailable(60 * SECOND, 'overloaded')
  for (let index = 0; index < 40; index++) {
    await fixture.say(`c${index}`, `q${index}`)
    await clock.advance(100)
  }
  fixture.model.reply = (request) => `re ${lastText(request)}`
  await fixture.pass(57 * SECOND, SECOND)
  const first = fixture.model.requests.length
  expect(first).toBeGreaterThan(0)
  expect(first).toBeLessThan(20)
  await fixture.pass(10 * SECOND, 500)
  expect(fixture.model.asked).toEqual(Array.from({ length: 40 }, (_, index) => `q${index}`))
})

test('a thousand waiting messages of one stop are answered after it, in order', async () => {
  const clock = new FakeClock()
  await using fixture = await MessageFixture.start({
    clock,
    messaging: { hold: { maxAge: HOUR, maxPerConversation: 1_000, maxTotal: 10_000, merge: false } },
  })
  fixture.gate.unavailable(10 * SECOND, 'overloaded')
  const texts = Array.from({ length: 20 }, (_, index) => `q${index}`)
  for (let chat = 0; chat < 50; chat++) await fixture.say(`c${chat}`, ...texts)
  await fixture.pass(30 * SECOND, SECOND)
  for (let chat = 0; chat < 50; chat++) {
    expect(fixture.sendChannel.texts(`c${chat}`).map((text) => text.split(' ').at(-1))).toEqual(texts)
  }
})

test('a stop waits for the running answer, begins no other, and loses nothing', async () => {
  const fixture = await MessageFixture.start({ messaging: UNMERGED })
  let finish = () => {}
  fixture.model.reply = () => new Promise((resolve) => (finish = () => resolve('done')))
  await fixture.say('a', 'one', 'two')
  await fixture.rest()
  const stopping = fixture.messaging.stop(10_000)
  finish()
  await stopping
  await fixture.crash()
  await using next = await MessageFixture.start({ path: fixture.path, sendChannels: [fixture.sendChannel] })
  await next.rest()
  expect(fixture.model.asked).toEqual(['one'])
  expect(next.model.asked).toEqual(['two'])
  expect(fixture.sendChannel.texts('a')).toEqual(['done', 'answer to two'])
})

test('an answer that takes too long is handed back in time, and answered by the next process', async () => {
  const fixture = await MessageFixture.start()
  fixture.model.reply = (_request, { signal }) => abortable(signal)
  await fixture.say('a', 'one')
  await fixture.rest()
  // The model never answers: the stop ends it, or this test would not end.
  await fixture.messaging.stop(600)
  expect(await fixture.storage.inbox.counts()).toMatchObject({ received: 1, answering: 0 })
  await fixture.crash()
  await using next = await MessageFixture.start({ path: fixture.path, sendChannels: [fixture.sendChannel] })
  await next.rest()
  expect(fixture.sendChannel.texts('a')).toEqual(['answer to one'])
})

test('five minutes with work and without any answer is a stall; an outage or idleness is not', async () => {
  const clock = new FakeClock()
  await using fixture = await MessageFixture.start({ clock })
  const { dispatcher } = fixture.messaging
  fixture.model.reply = (_request, { signal }) => abortable(signal)
  expect(dispatcher.stalled).toBe(false)
  await fixture.pass(10 * MINUTE)
  expect(dispatcher.stalled).toBe(false)
  await fixture.say('a', 'one')
  await fixture.rest()
  expect(dispatcher.stalled).toBe(false)
  await fixture.pass(4 * MINUTE)
  expect(dispatcher.stalled).toBe(false)
  await fixture.pass(MINUTE)
  expect(dispatcher.stalled).toBe(true)
  fixture.gate.usageLimited(clock.now() + HOUR)
  expect(dispatcher.stalled).toBe(false)
})

test.each(['before', 'after'])(
  'a stop %s a lease that is under way meets what came before it, and only that',
  async (moment) => {
    const clock = new FakeClock()
    let leased = () => {}
    let hold = true
    await using fixture = await MessageFixture.start({
      clock,
      wrapInbox: (inbox) => {
        const wrapped: Inbox = {
          ...inbox,
          lease: async (request) => {
            const early = moment === 'after' ? await inbox.lease(request) : null
            if (hold) await new Promise<void>((resolve) => (leased = resolve))
            hold = false
            return early ?? inbox.lease(request)
          },
        }
        // The turn would begin without one.
        delete wrapped.acceptAndBegin
        return wrapped
      },
    })
    await fixture.say('a', 'one')
    await fixture.rest()
    await fixture.say('a', '/stop', 'two')
    leased()
    await fixture.rest()
    expect(fixture.model.asked).toEqual(['two'])
    expect(fixture.sendChannel.texts('a')).toEqual(['Stopped.', 'answer to two'])
  },
)

test('a message sent after /stop is not stopped with the one before', async () => {
  await using fixture = await MessageFixture.start()
  fixture.model.reply = (request, { signal }) =>
    lastText(request) === 'slow' ? abortable(signal) : Promise.resolve('quick answer')
  await fixture.say('a', 'slow')
  await fixture.rest()
  await fixture.say('a', '/stop', 'quick')
  await fixture.rest()
  expect(fixture.sendChannel.texts('a')).toEqual(['Stopped.', 'quick answer'])
})

test('a lease that was granted while a stopped turn was ending is asked for again', async () => {
  const happened: string[] = []
  class SharedWork extends LocalWork {
    override outdated(): void {
      happened.push('outdated')
    }
  }
  let work: SharedWork | null = null
  await using fixture = await MessageFixture.start({
    messaging: {
      get fleet() {
        return { ...fleetOfOne('this'), work }
      },
    },
    wrapInbox: (inbox) => {
      work = new SharedWork(inbox, systemClock, 'this')
      const finish: Inbox['finish'] = async (lease, outcome, now) => {
        happened.push(outcome.kind)
        return await inbox.finish(lease, outcome, now)
      }
      return { ...inbox, finish }
    },
  })
  fixture.model.reply = (_request, { signal }) => abortable(signal)
  await fixture.say('a', 'one')
  await fixture.rest()
  await fixture.say('a', '/stop')
  await fixture.rest()
  expect(happened).toEqual(['outdated', 'stopped', 'outdated'])
})
