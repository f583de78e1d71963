import { expect, test } from 'vitest'
import { PROCESS_TEST } from '../support/processes/bot-fixture.ts'
import { FleetFixture } from '../support/processes/fleet-fixture.ts'
import { freshDatabase } from '../support/stores/postgres.ts'

const CHAT = 700
/** An outage of which people are told, so that all that waits is held. */
const HELD_MS = 40_000

test(
  'marks that a killed holder has left are removed by the next one, whichever process answers',
  PROCESS_TEST,
  async () => {
    await using fixture = await FleetFixture.open({ databaseUrl: await freshDatabase() })
    const { telegram, sandbox } = fixture
    const former = await fixture.join('ingress')
    await fixture.join('worker')
    await fixture.untilHeld()
    const outage = sandbox.control.fault({ target: 'messages', fault: 'usage-limit', resetInMs: HELD_MS })
    const held = [telegram.say(CHAT, 'question 1')]
    await fixture.until(() => telegram.chats.reaction(CHAT, held[0]!) === '😴', 'the first mark')
    held.push(telegram.say(CHAT, 'question 2'), telegram.say(CHAT, 'question 3'))
    const marks = () => held.map((id) => telegram.chats.reaction(CHAT, id))
    await fixture.until(() => marks().every((mark) => mark === '😴'), 'the marks')
    await former.kill('SIGKILL')
    outage.clear()
    await fixture.join('ingress')
    await fixture.untilHeld(former)
    await fixture.until(() => fixture.shown(CHAT).some((text) => text.includes('question 3')), 'the answer')
    await fixture.until(() => marks().every((mark) => mark === null), 'the end of the marks')
    expect(telegram.callsOf('setMessageReaction').length).toBeLessThanOrEqual(3 * held.length)
  },
)
