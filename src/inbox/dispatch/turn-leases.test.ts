import { expect, test } from 'vitest'
import { FakeClock } from '../../../test/support/fake-clock.ts'
import { MessageFixture, UNMERGED } from '../../../test/support/message-fixture.ts'
import { HOUR, MINUTE } from '../../support/clock.ts'
import { StoreError } from '../../support/errors.ts'
import type { Inbox } from '../inbox.ts'

/** An inbox whose calls are noted, and whose `acceptAndBegin` is changed. */
function noting(calls: string[], change?: (inbox: Inbox) => NonNullable<Inbox['acceptAndBegin']>) {
  return (inbox: Inbox): Inbox => {
    const begin = change?.(inbox) ?? inbox.acceptAndBegin!
    return {
      ...inbox,
      accept: (request) => (calls.push('accept'), inbox.accept(request)),
      acceptAndBegin: (request, terms) => (calls.push('begin'), begin(request, terms)),
      lease: (request) => (calls.push('lease'), inbox.lease(request)),
      finish: (lease, outcome, now) => (calls.push(outcome.kind), inbox.finish(lease, outcome, now)),
    }
  }
}

test('the turn of a message begins with its arrival, and the next one knows of it', async () => {
  const calls: string[] = []
  await using fixture = await MessageFixture.start({ wrapInbox: noting(calls) })
  for (const text of ['one', 'two']) {
    await fixture.say('a', text)
    await fixture.rest()
  }
  expect(calls).toEqual(['begin', 'answered', 'begin', 'answered'])
  const [, second] = fixture.model.requests
  expect(second!.messages.map(({ text }) => text)).toEqual(['one', 'answer to one', 'two'])
  const waiting = await fixture.storage.inbox.counts()
  expect(waiting).toMatchObject({ received: 0, answering: 0, held: 0 })
})

test('a message behind another one waits for its turn', async () => {
  const calls: string[] = []
  await using fixture = await MessageFixture.start({ wrapInbox: noting(calls), messaging: UNMERGED })
  await Promise.all([fixture.say('a', 'one'), fixture.say('a', 'two')])
  await fixture.rest()
  expect(fixture.model.asked).toEqual(['one', 'two'])
  expect(calls).toEqual(['begin', 'begin', 'answered', 'lease', 'answered'])
})

test('no turn begins beyond the room, and none of several messages at once', async () => {
  const calls: string[] = []
  await using fixture = await MessageFixture.start({
    wrapInbox: noting(calls),
    messaging: { ...UNMERGED, concurrency: 1 },
  })
  const answer = Promise.withResolvers<string>()
  fixture.model.reply = () => answer.promise
  await fixture.say('a', 'one')
  await fixture.say('b', 'two')
  await fixture.say('b', 'three', 'four')
  expect(calls).toEqual(['begin', 'accept', 'accept'])
  answer.resolve('whole')
  await fixture.rest()
  expect(fixture.model.asked).toEqual(['one', 'two', 'three', 'four'])
})

test('a turn that began without an answer of the store is found as soon as the store works', async () => {
  const clock = new FakeClock()
  let lose = true
  const change =
    (inbox: Inbox) =>
    async (...args: Parameters<NonNullable<Inbox['acceptAndBegin']>>) => {
      const stored = await inbox.acceptAndBegin!(...args)
      if (!lose) return stored
      lose = false
      throw new StoreError('the answer is lost')
    }
  await using fixture = await MessageFixture.start({ clock, wrapInbox: noting([], change) })
  await expect(fixture.say('a', 'one')).rejects.toThrow('the answer is lost')
  await fixture.pass(MINUTE)
  await fixture.rest()
  expect(fixture.model.asked).toEqual(['one'])
  expect(fixture.sendChannel.texts('a')).toEqual(['answer to one'])
  await fixture.say('a', 'two')
  await fixture.rest()
  expect(fixture.sendChannel.texts('a')).toEqual(['answer to one', 'answer to two'])
})

/** The store's answer to a message arrives after something else has happened. */
async function late(happens: (fixture: MessageFixture, clock: FakeClock) => Promise<void>) {
  const clock = new FakeClock()
  const calls: string[] = []
  const answer = Promise.withResolvers<void>()
  const stored = Promise.withResolvers<void>()
  const change =
    (inbox: Inbox) =>
    async (...args: Parameters<NonNullable<Inbox['acceptAndBegin']>>) => {
      const begun = await inbox.acceptAndBegin!(...args)
      stored.resolve()
      await answer.promise
      return begun
    }
  const fixture = await MessageFixture.start({ clock, wrapInbox: noting(calls, change) })
  const said = fixture.say('a', 'one')
  await stored.promise
  await happens(fixture, clock)
  answer.resolve()
  await said
  await fixture.rest()
  return { fixture, calls }
}

test('a stop meets a turn whose beginning is learned later, and not what comes after it', async () => {
  const { fixture } = await late(async (each) => void (await each.say('a', '/stop', 'two')))
  await using _ = fixture
  expect(fixture.model.asked).toEqual(['two'])
  expect(fixture.sendChannel.texts('a')).toEqual(['Stopped.', 'answer to two'])
})

test('a turn that begins while the gate shuts is held, and answered when it opens', async () => {
  const { fixture, calls } = await late(async ({ gate }, time) => gate.usageLimited(time.now() + HOUR))
  await using _ = fixture
  expect(fixture.model.asked).toEqual([])
  expect(calls).toContain('held')
  expect(await fixture.storage.inbox.counts()).toMatchObject({ answering: 0, held: 1 })
  await fixture.pass(HOUR + MINUTE)
  await fixture.rest()
  expect(fixture.model.asked).toEqual(['one'])
  expect(fixture.sendChannel.texts('a').at(-1)).toContain('answer to one')
})
