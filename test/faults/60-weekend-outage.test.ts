import { expect, test } from 'vitest'
import { DAY, HOUR, MINUTE } from '../../src/support/clock.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { MessageFixture, type MessageFixtureOptions } from '../support/message-fixture.ts'

/** Days of a fake clock have many seconds, and a busy machine counts them slowly. */
const LONG = 120_000

const twoDays = { maxAge: 2 * DAY, maxPerConversation: 50, maxTotal: 10_000, merge: true }
const TOO_OLD = 'I was away too long to answer your message of Sunday; send it again if it still matters.'

test(
  'after an outage of 60 hours within the age limit everything is answered, in order',
  async () => {
    const clock = new FakeClock()
    await using fixture = await MessageFixture.start({ clock })
    fixture.gate.usageLimited(clock.now() + 60 * HOUR)
    await fixture.say('a', 'one')
    await fixture.pass(30 * HOUR, HOUR)
    await fixture.say('a', 'two')
    await fixture.pass(31 * HOUR, HOUR)
    expect(fixture.model.asked).toEqual(['one\n\ntwo'])
    expect(fixture.sendChannel.texts('a').at(-1)).toMatch(
      /^\(Replying to your message from 2 days ago\)\n\nanswer/,
    )
  },
  LONG,
)

test(
  'what is older than the limit in observed outage time is refused, visibly, and the rest is answered',
  async () => {
    const clock = new FakeClock()
    await using fixture = await MessageFixture.start({ clock, messaging: { hold: twoDays } })
    fixture.gate.usageLimited(clock.now() + 60 * HOUR)
    await fixture.say('a', 'one')
    await fixture.pass(20 * HOUR, HOUR)
    await fixture.say('a', 'two')
    await fixture.pass(41 * HOUR, HOUR)
    expect(fixture.sendChannel.texts('a')).toContain(TOO_OLD)
    expect(fixture.model.asked).toEqual(['two'])
  },
  LONG,
)

test(
  'a machine that was off, or whose clock was set, makes no message older',
  async () => {
    const clock = new FakeClock()
    const options: MessageFixtureOptions = { clock, messaging: { hold: twoDays } }
    const fixture = await MessageFixture.start(options)
    fixture.gate.usageLimited(clock.now() + HOUR)
    await fixture.say('a', 'one')
    await fixture.rest()
    await fixture.crash()
    clock.jump(10 * DAY)
    await using next = await MessageFixture.open({
      ...options,
      path: fixture.path,
      sendChannels: [fixture.sendChannel],
    })
    next.gate.usageLimited(clock.now() + HOUR)
    await next.messaging.start()
    clock.jump(DAY)
    await next.pass(30 * MINUTE, MINUTE)
    expect(fixture.sendChannel.texts('a').some((text) => text.includes('away too long'))).toBe(false)
    await next.pass(HOUR, MINUTE)
    expect(next.model.asked).toEqual(['one'])
  },
  LONG,
)

test(
  'nothing expires at a start before a recovery was tried',
  async () => {
    const clock = new FakeClock()
    const short = { hold: { ...twoDays, maxAge: 2 * MINUTE } }
    const fixture = await MessageFixture.open({ clock, messaging: short })
    fixture.gate.usageLimited(clock.now() + 5 * MINUTE)
    await fixture.messaging.start()
    await using _ = fixture
    await fixture.say('a', 'one')
    await fixture.pass(6 * MINUTE, MINUTE)
    // Older than the limit by now, yet the way was never tried: it is answered.
    expect(fixture.model.asked).toEqual(['one'])
    expect(fixture.sendChannel.texts('a').some((text) => text.includes('away too long'))).toBe(false)
  },
  LONG,
)
