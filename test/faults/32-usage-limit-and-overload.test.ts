import { expect, test } from 'vitest'
import { reportedStatus } from '../../src/inbox/gate/provider-gate.ts'
import { HOUR, MINUTE, SECOND } from '../../src/support/clock.ts'
import { TransientError, UsageLimited } from '../../src/support/errors.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { MessageFixture } from '../support/message-fixture.ts'

const LIMIT_NOTICE =
  "I've reached my usage limit until 01:00 UTC. Your message is saved, and I'll answer it then."
const HELD_NOTICE =
  "I can't reach Claude right now. Your message is saved, and I'll answer it as soon as I'm back."

test('at a usage limit messages wait until its end, told once, and nobody asks in between', async () => {
  const clock = new FakeClock()
  await using fixture = await MessageFixture.start({ clock })
  const end = clock.now() + HOUR
  fixture.model.reply = () => {
    throw new UsageLimited(end)
  }
  await fixture.say('a', 'one')
  await fixture.rest()
  await fixture.say('a', 'two')
  await fixture.say('b', 'three')
  await fixture.rest()
  expect(fixture.sendChannel.texts('a')).toEqual([LIMIT_NOTICE])
  expect(fixture.sendChannel.texts('b')).toEqual([LIMIT_NOTICE])
  expect(reportedStatus(fixture.gate.current(), clock.now())).toBe('usage-limited')
  fixture.model.reply = () => 'at last'
  await fixture.pass(HOUR - MINUTE)
  expect(fixture.model.requests).toHaveLength(1)
  await fixture.pass(2 * MINUTE, SECOND)
  expect(fixture.sendChannel.texts('a')).toEqual([
    LIMIT_NOTICE,
    '(Replying to your message from 1 h ago)\n\nat last',
  ])
  expect(fixture.sendChannel.texts('b')).toEqual([
    LIMIT_NOTICE,
    '(Replying to your message from 1 h ago)\n\nat last',
  ])
  expect(fixture.model.asked).toEqual(['one', 'one\n\ntwo', 'three'])
  expect(fixture.gate.current().open).toBe(true)
})

test('half an hour of overload: people are told after 30 s, monitors after 60 s, and a few probes find the end', async () => {
  const clock = new FakeClock()
  await using fixture = await MessageFixture.start({ clock })
  fixture.model.reply = () => {
    throw new TransientError('overloaded', null, 'overloaded')
  }
  await fixture.say('a', 'one')
  await fixture.rest()
  await fixture.say('b', 'two')
  await fixture.pass(25 * SECOND, SECOND)
  expect([...fixture.sendChannel.texts('a'), ...fixture.sendChannel.texts('b')]).toEqual([])
  await fixture.pass(10 * SECOND, SECOND)
  expect(fixture.sendChannel.texts('a')).toEqual([HELD_NOTICE])
  expect(fixture.sendChannel.texts('b')).toEqual([HELD_NOTICE])
  expect(reportedStatus(fixture.gate.current(), clock.now())).toBeNull()
  await fixture.pass(30 * SECOND, SECOND)
  expect(reportedStatus(fixture.gate.current(), clock.now())).toBe('provider-unavailable')
  await fixture.pass(29 * MINUTE, 10 * SECOND)
  const probes = fixture.model.requests.length
  expect(probes).toBeLessThan(20)
  fixture.model.reply = () => 'back'
  await fixture.pass(6 * MINUTE, 10 * SECOND)
  expect(fixture.sendChannel.texts('a')).toEqual([HELD_NOTICE, expect.stringMatching(/ago\)\n\nback$/)])
  expect(fixture.sendChannel.texts('b')).toEqual([HELD_NOTICE, expect.stringMatching(/ago\)\n\nback$/)])
  expect(fixture.model.requests).toHaveLength(probes + 2)
})

test('a pause of some seconds says nothing at all', async () => {
  const clock = new FakeClock()
  await using fixture = await MessageFixture.start({ clock })
  let tries = 0
  fixture.model.reply = () => {
    if (++tries === 1) throw new TransientError('slow down', 10 * SECOND, 'rate-limited')
    return 'fine'
  }
  await fixture.say('a', 'one')
  await fixture.pass(9 * SECOND, SECOND)
  expect(tries).toBe(1)
  await fixture.pass(3 * SECOND, SECOND)
  expect(fixture.sendChannel.texts('a')).toEqual(['fine'])
})

/** Two refusals that ask for a pause of 16 s each: the next try is at 32 s, two seconds after the notice is due. */
async function overloadedFor32Seconds(third: () => string | Promise<string>) {
  const clock = new FakeClock()
  const fixture = await MessageFixture.start({ clock })
  let tries = 0
  fixture.model.reply = () => {
    if (++tries <= 2) throw new TransientError('overloaded', 16 * SECOND, 'overloaded')
    return third()
  }
  await fixture.say('a', 'one')
  await fixture.pass(31 * SECOND, SECOND)
  expect(tries).toBe(2)
  expect(fixture.sendChannel.texts('a')).toEqual([])
  return fixture
}

test('nobody gets a notice of an overload when the try that is about to begin answers them', async () => {
  await using fixture = await overloadedFor32Seconds(() => 'here I am')
  await fixture.pass(MINUTE, SECOND)
  expect(fixture.sendChannel.texts('a')).toEqual(['here I am'])
})

test('when that try fails, they are told at once, and once', async () => {
  await using fixture = await overloadedFor32Seconds(() => {
    throw new TransientError('overloaded', 16 * SECOND, 'overloaded')
  })
  await fixture.pass(2 * SECOND, SECOND)
  expect(fixture.sendChannel.texts('a')).toEqual([HELD_NOTICE])
  await fixture.pass(2 * MINUTE, SECOND)
  expect(fixture.sendChannel.texts('a')).toEqual([HELD_NOTICE])
})

test('who waits behind a try that hangs is told after ten seconds of it', async () => {
  let answer = (_text: string) => {}
  await using fixture = await overloadedFor32Seconds(() => new Promise((resolve) => (answer = resolve)))
  await fixture.say('b', 'two')
  await fixture.pass(10 * SECOND, SECOND)
  expect(fixture.sendChannel.texts('b')).toEqual([])
  await fixture.pass(2 * SECOND, SECOND)
  expect(fixture.sendChannel.texts('b')).toEqual([HELD_NOTICE])
  answer('at last')
  await fixture.rest()
  expect(fixture.sendChannel.texts('a')).toEqual(['at last'])
})

test('who writes late in an outage is not told of it when the answer is as near as the next try', async () => {
  const clock = new FakeClock()
  await using fixture = await MessageFixture.start({ clock })
  fixture.gate.usageLimited(clock.now() + HOUR)
  await fixture.say('a', 'one')
  await fixture.pass(HOUR - 4 * SECOND, MINUTE)
  await fixture.say('b', 'two')
  await fixture.pass(MINUTE, SECOND)
  expect(fixture.sendChannel.texts('a')).toHaveLength(2)
  expect(fixture.sendChannel.texts('b')).toEqual(['answer to two'])
})
