import { expect, test } from 'vitest'
import { reportedStatus } from '../../src/inbox/gate/provider-gate.ts'
import { HOUR, MINUTE, SECOND } from '../../src/support/clock.ts'
import { TransientError, UsageLimited } from '../../src/support/errors.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { MessageRig } from '../support/message-rig.ts'

const LIMIT_NOTICE =
  "I've reached my usage limit until 01:00 UTC. Your message is saved, and I'll answer it then."
const HELD_NOTICE =
  "I can't reach Claude right now. Your message is saved, and I'll answer it as soon as I'm back."

test('at a usage limit messages wait until its end, told once, and nobody asks in between', async () => {
  const clock = new FakeClock()
  await using rig = await MessageRig.start({ clock })
  const end = clock.now() + HOUR
  rig.model.reply = () => {
    throw new UsageLimited(end)
  }
  await rig.say('a', 'one')
  await rig.rest()
  await rig.say('a', 'two')
  await rig.say('b', 'three')
  await rig.rest()
  expect(rig.outlet.texts('a')).toEqual([LIMIT_NOTICE])
  expect(rig.outlet.texts('b')).toEqual([LIMIT_NOTICE])
  expect(reportedStatus(rig.gate.current(), clock.now())).toBe('usage-limited')
  rig.model.reply = () => 'at last'
  await rig.pass(HOUR - MINUTE)
  expect(rig.model.requests).toHaveLength(1)
  await rig.pass(2 * MINUTE, SECOND)
  expect(rig.outlet.texts('a')).toEqual([LIMIT_NOTICE, '(to your message of 1 h ago)\n\nat last'])
  expect(rig.outlet.texts('b')).toEqual([LIMIT_NOTICE, '(to your message of 1 h ago)\n\nat last'])
  expect(rig.model.asked).toEqual(['one', 'one\n\ntwo', 'three'])
  expect(rig.gate.current().open).toBe(true)
})

test('half an hour of overload: people are told after 30 s, monitors after 60 s, and a few probes find the end', async () => {
  const clock = new FakeClock()
  await using rig = await MessageRig.start({ clock })
  rig.model.reply = () => {
    throw new TransientError('overloaded', null, 'overloaded')
  }
  await rig.say('a', 'one')
  await rig.rest()
  await rig.say('b', 'two')
  await rig.pass(25 * SECOND, SECOND)
  expect([...rig.outlet.texts('a'), ...rig.outlet.texts('b')]).toEqual([])
  await rig.pass(10 * SECOND, SECOND)
  expect(rig.outlet.texts('a')).toEqual([HELD_NOTICE])
  expect(rig.outlet.texts('b')).toEqual([HELD_NOTICE])
  expect(reportedStatus(rig.gate.current(), clock.now())).toBeNull()
  await rig.pass(30 * SECOND, SECOND)
  expect(reportedStatus(rig.gate.current(), clock.now())).toBe('provider-unavailable')
  await rig.pass(29 * MINUTE, 10 * SECOND)
  const probes = rig.model.requests.length
  expect(probes).toBeLessThan(20)
  rig.model.reply = () => 'back'
  await rig.pass(6 * MINUTE, 10 * SECOND)
  expect(rig.outlet.texts('a')).toEqual([HELD_NOTICE, expect.stringMatching(/ago\)\n\nback$/)])
  expect(rig.outlet.texts('b')).toEqual([HELD_NOTICE, expect.stringMatching(/ago\)\n\nback$/)])
  expect(rig.model.requests).toHaveLength(probes + 2)
})

test('a pause of some seconds says nothing at all', async () => {
  const clock = new FakeClock()
  await using rig = await MessageRig.start({ clock })
  let tries = 0
  rig.model.reply = () => {
    if (++tries === 1) throw new TransientError('slow down', 10 * SECOND, 'rate-limited')
    return 'fine'
  }
  await rig.say('a', 'one')
  await rig.pass(9 * SECOND, SECOND)
  expect(tries).toBe(1)
  await rig.pass(3 * SECOND, SECOND)
  expect(rig.outlet.texts('a')).toEqual(['fine'])
})
