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
