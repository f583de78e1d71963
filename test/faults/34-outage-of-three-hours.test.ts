import { expect, test } from 'vitest'
import { type GateState, SwitchGate } from '../../src/inbox/gate/gate.ts'
import { HOUR, MINUTE, SECOND } from '../../src/support/clock.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { MemoryOutlet, MessageRig, lastText, type RigOptions } from '../support/message-rig.ts'

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
    const outlet = new MemoryOutlet()
    const gate = new SwitchGate()
    gate.set(signInDied(clock.now()))
    const options: RigOptions = {
      clock,
      outlets: [outlet],
      messaging: {
        gate,
        hold: { maxAgeMs: 7 * 24 * HOUR, maxPerConversation: 50, maxTotal: 10_000, merge },
      },
    }
    const first = await MessageRig.start(options)
    let rig = first
    const restart = async (crash: boolean) => {
      if (!crash) await rig.messaging.stop(SECOND)
      await rig.crash()
      rig = await MessageRig.start({ ...options, path: first.path })
    }
    for (let index = 0; index < MESSAGES_EACH; index++) {
      for (let chat = 0; chat < CHATS; chat++) await rig.say(`c${chat}`, `q${index}.`)
      await rig.pass((3 * HOUR) / MESSAGES_EACH, 5 * MINUTE)
      if (index === 5 || index === 15) await restart(false)
      if (index === 10) await restart(true)
    }
    expect(rig.model.requests).toHaveLength(0)
    for (let chat = 0; chat < CHATS; chat++) expect(outlet.texts(`c${chat}`)).toEqual([NOTICE])
    expect(await rig.storage.inbox.counts()).toMatchObject({ held: CHATS * MESSAGES_EACH, received: 0 })
    rig.model.reply = (request) => `re ${lastText(request)}`
    gate.set({ open: true })
    await rig.pass(MINUTE, SECOND)
    const questions = Array.from({ length: MESSAGES_EACH }, (_, index) => `q${index}.`)
    for (let chat = 0; chat < CHATS; chat++) {
      const answers = outlet.texts(`c${chat}`).slice(1)
      expect(answers.flatMap((text) => text.match(/q\d+\./g) ?? [])).toEqual(questions)
      expect(answers[0]).toMatch(/^\(to your message of \d+ (min|h) ago\)\n\nre /)
      expect(answers).toHaveLength(merge ? 1 : MESSAGES_EACH)
    }
    expect(await rig.storage.inbox.counts()).toMatchObject({ held: 0, received: 0, answering: 0 })
    await rig[Symbol.asyncDispose]()
    await first[Symbol.asyncDispose]()
  },
  120_000,
)
