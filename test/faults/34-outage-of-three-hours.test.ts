import { expect, test } from 'vitest'
import { type GateState, SwitchGate } from '../../src/inbox/gate/gate.ts'
import { HOUR, MINUTE, SECOND } from '../../src/support/clock.ts'
import { FakeClock } from '../support/fake-clock.ts'
import {
  MemoryChannel,
  MessageFixture,
  lastText,
  type MessageFixtureOptions,
} from '../support/message-fixture.ts'
import { rethrow } from '../support/rethrow.ts'

const CHATS = 20
const MESSAGES_EACH = 25
const NOTICE =
  "I can't reach Claude right now. Your message is saved, and I'll answer it as soon as I'm back."

/** A sign-in that is dead until somebody makes a new one: the same outage over every restart. */
function signInDied(now: number): GateState {
  return {
    open: false,
    id: 'incident-1',
    status: 'needs-login',
    reason: 'revoked',
    since: now,
    until: null,
    tellAt: now + 30 * SECOND,
    notice: NOTICE,
    probing: false,
  }
}

test.each([true, false])(
  'an outage of 3 h, 500 messages, two restarts and a crash: all answered in order, one notice a chat (merged: %s)',
  async (merge) => {
    const clock = new FakeClock()
    const sendChannel = new MemoryChannel()
    const gate = new SwitchGate(rethrow)
    gate.set(signInDied(clock.now()))
    const options: MessageFixtureOptions = {
      clock,
      sendChannels: [sendChannel],
      messaging: {
        gate,
        hold: { maxAge: 7 * 24 * HOUR, maxPerConversation: 50, maxTotal: 10_000, merge },
      },
    }
    const first = await MessageFixture.start(options)
    let fixture = first
    const restart = async (crash: boolean) => {
      if (!crash) await fixture.messaging.stop(SECOND)
      await fixture.crash()
      fixture = await MessageFixture.start({ ...options, path: first.path })
    }
    for (let index = 0; index < MESSAGES_EACH; index++) {
      for (let chat = 0; chat < CHATS; chat++) await fixture.say(`c${chat}`, `q${index}.`)
      await fixture.pass((3 * HOUR) / MESSAGES_EACH, 5 * MINUTE)
      if (index === 5 || index === 15) await restart(false)
      if (index === 10) await restart(true)
    }
    expect(fixture.model.requests).toHaveLength(0)
    for (let chat = 0; chat < CHATS; chat++) expect(sendChannel.texts(`c${chat}`)).toEqual([NOTICE])
    expect(await fixture.storage.inbox.counts()).toMatchObject({ held: CHATS * MESSAGES_EACH, received: 0 })
    fixture.model.reply = (request) => `re ${lastText(request)}`
    gate.set({ open: true })
    await fixture.pass(MINUTE, SECOND)
    const questions = Array.from({ length: MESSAGES_EACH }, (_, index) => `q${index}.`)
    for (let chat = 0; chat < CHATS; chat++) {
      const answers = sendChannel.texts(`c${chat}`).slice(1)
      expect(answers.flatMap((text) => text.match(/q\d+\./g) ?? [])).toEqual(questions)
      expect(answers[0]).toMatch(/^\(Replying to your message from \d+ (min|h) ago\)\n\nre /)
      expect(answers).toHaveLength(merge ? 1 : MESSAGES_EACH)
    }
    expect(await fixture.storage.inbox.counts()).toMatchObject({ held: 0, received: 0, answering: 0 })
    await fixture[Symbol.asyncDispose]()
    await first[Symbol.asyncDispose]()
  },
  120_000,
)
