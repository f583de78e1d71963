import { expect, test } from 'vitest'
import { PROCESS_TEST } from '../support/processes/bot-fixture.ts'
import { FleetFixture } from '../support/processes/fleet-fixture.ts'
import { freshDatabase } from '../support/stores/postgres.ts'

const CHATS = Array.from({ length: 40 }, (_, index) => 1_000 + index)
const QUESTIONS = ['first', 'second', 'third']

test(
  'two gateways answer forty conversations in order, each question once, and both of them do',
  PROCESS_TEST,
  async () => {
    await using fixture = await FleetFixture.open({
      databaseUrl: await freshDatabase(),
      config: { gateway: { concurrency: 4 } },
      sandbox: { answer: { delayMs: 50 } },
    })
    const gateways = await Promise.all([fixture.join(), fixture.join()])
    await fixture.untilHeld()
    for (const question of QUESTIONS)
      for (const chat of CHATS) fixture.telegram.say(chat, `${question} of ${chat}`)
    const total = CHATS.length * QUESTIONS.length
    await fixture.until(
      () => CHATS.every((chat) => fixture.shown(chat).length === QUESTIONS.length),
      `${total} answers`,
    )
    for (const chat of CHATS) {
      const order = fixture
        .shown(chat)
        .map((text) => QUESTIONS.findIndex((question) => text.includes(question)))
      expect(order).toEqual([0, 1, 2])
    }
    for (const gateway of gateways) {
      const metrics = await (await gateway.fetch('/metrics')).text()
      const answered = /hermes_messages_total\{channel="telegram",outcome="answered"\} (\d+)/.exec(metrics)
      expect(Number(answered?.[1])).toBeGreaterThan(0)
    }
    expect(fixture.sandbox.requests.filter(({ status }) => status === 200)).toHaveLength(total)
  },
)
