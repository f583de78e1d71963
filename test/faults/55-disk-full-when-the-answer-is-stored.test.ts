import { expect, test } from 'vitest'
import type { MessageFact } from '../../src/inbox/figures/observer.ts'
import { MINUTE, SECOND } from '../../src/support/clock.ts'
import { StoreError } from '../../src/support/errors.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { MessageFixture, UNMERGED } from '../support/message-fixture.ts'

const storeFacts = (facts: readonly MessageFact[]) =>
  facts.map(({ kind }) => kind).filter((kind) => kind.startsWith('store'))

test('the answer stays in memory until it can be stored: one model call, one alert, nothing new begun', async () => {
  const clock = new FakeClock()
  let full = false
  const whenFull = () => {
    if (full) throw new StoreError('database or disk is full')
  }
  await using fixture = await MessageFixture.start({
    clock,
    messaging: UNMERGED,
    wrapInbox: (inbox) => ({
      ...inbox,
      accept: async (request) => (whenFull(), inbox.accept(request)),
      lease: async (request) => (whenFull(), inbox.lease(request)),
      finish: async (lease, outcome, now) => (whenFull(), inbox.finish(lease, outcome, now)),
    }),
    wrapStorage: (storage) => ({ ...storage, probe: async () => (whenFull(), storage.probe()) }),
  })
  const facts: MessageFact[] = []
  using _ = fixture.messaging.observer.subscribe((fact) => facts.push(fact))
  fixture.model.reply = (request) => {
    full = true
    return `answer to ${request.messages.at(-1)!.text}`
  }
  await fixture.say('a', 'one', 'two')
  await fixture.rest()
  expect(fixture.messaging.store.ok).toBe(false)
  // What the platform delivers in between is not acknowledged.
  await expect(fixture.say('b', 'three')).rejects.toBeInstanceOf(StoreError)
  await fixture.pass(10 * MINUTE, 5 * SECOND)
  expect(fixture.model.asked).toEqual(['one'])
  expect(fixture.sendChannel.texts('a')).toEqual([])
  expect(storeFacts(facts)).toEqual(['store-failed'])
  fixture.model.reply = (request) => `answer to ${request.messages.at(-1)!.text}`
  full = false
  await fixture.pass(MINUTE, SECOND)
  expect(fixture.model.asked).toEqual(['one', 'two'])
  expect(fixture.sendChannel.texts('a').map((text) => text.split('\n').at(-1))).toEqual([
    'answer to one',
    'answer to two',
  ])
  expect(storeFacts(facts)).toEqual(['store-failed', 'store-recovered'])
})

test('while an answer cannot be stored no other turn is begun, though smaller writes would still work', async () => {
  const clock = new FakeClock()
  let full = true
  await using fixture = await MessageFixture.start({
    clock,
    wrapInbox: (inbox) => ({
      ...inbox,
      finish: async (lease, outcome, now) => {
        if (full) throw new StoreError('database or disk is full')
        return inbox.finish(lease, outcome, now)
      },
    }),
  })
  const facts: MessageFact[] = []
  using _ = fixture.messaging.observer.subscribe((fact) => facts.push(fact))
  await fixture.say('a', 'one')
  await fixture.rest()
  await fixture.say('b', 'two')
  await fixture.pass(5 * MINUTE, 5 * SECOND)
  expect(fixture.model.asked).toEqual(['one'])
  expect(storeFacts(facts)).toEqual(['store-failed'])
  full = false
  await fixture.pass(MINUTE, SECOND)
  expect(fixture.model.asked).toEqual(['one', 'two'])
  expect(storeFacts(facts)).toEqual(['store-failed', 'store-recovered'])
})

test('below the reserve nothing is taken and no turn begun, while what is there could still be written', async () => {
  const clock = new FakeClock()
  let free = 1_000_000
  await using fixture = await MessageFixture.start({
    clock,
    messaging: { reserveBytes: 500_000 },
    wrapStorage: (storage) => ({ ...storage, freeBytes: async () => free }),
  })
  await fixture.say('a', 'one')
  await fixture.rest()
  free = 400_000
  await fixture.pass(11 * SECOND, SECOND)
  await expect(fixture.say('a', 'two')).rejects.toBeInstanceOf(StoreError)
  expect(fixture.messaging.store.problem).toMatch(/free/)
  free = 600_000
  await fixture.pass(30 * SECOND, SECOND)
  await fixture.say('a', 'two')
  await fixture.rest()
  expect(fixture.model.asked).toEqual(['one', 'two'])
})
