import { expect, test } from 'vitest'
import '../support/processes/no-gateway-left.ts'
import { BotFixture, PROCESS_TEST } from '../support/processes/bot-fixture.ts'
import { randomOfThisTest } from '../support/test-chance.ts'
import { pause } from '../support/until.ts'

const PEOPLE = [501, 502, 503]
/** Six messages of Telegram. */
const LONG_ANSWER = Array.from({ length: 2_400 }, (_, index) => `word${index}`).join(' ')

test('a bot with an API key answers everybody in the order of the questions', PROCESS_TEST, async () => {
  await using fixture = await BotFixture.start()
  const { telegram } = fixture
  for (let number = 1; number <= 5; number++) {
    for (const person of PEOPLE) telegram.say(person, `question ${number} of ${person}`)
  }
  await fixture.until(() => telegram.chats.sent.length >= 15, 'all answers')
  for (const person of PEOPLE) {
    expect(fixture.shown(person)).toEqual(
      [1, 2, 3, 4, 5].map((number) => `Echo: question ${number} of ${person}`),
    )
  }
  expect(fixture.sandbox.requests).toHaveLength(15)
  // Each turn shows the model what was said before.
  expect(fixture.sandbox.requests.map(({ turns }) => turns).sort()).toEqual(
    [1, 2, 3, 4, 5].flatMap((turn) => [turn, turn, turn]),
  )
})

test(
  'killed with -9 again and again, it loses nothing, keeps the order, and asks only for answers it had not stored',
  PROCESS_TEST,
  async () => {
    const random = randomOfThisTest()
    await using fixture = await BotFixture.start({ sandbox: { answer: { delayMs: 30, deltaDelayMs: 5 } } })
    const { telegram, gateway } = fixture
    const paid = new Set<string>()
    const said: string[] = []
    for (let round = 1; round <= 4; round++) {
      for (let number = 1; number <= 3; number++) {
        for (const person of PEOPLE) {
          const text = `${round}.${number} of ${person}`
          telegram.say(person, text)
          said.push(text)
        }
      }
      // Anywhere on the way of a message: the seed says where.
      await pause(40 + random() * 160)
      await gateway.kill('SIGKILL')
      for (const { role, text } of await fixture.stored()) {
        if (role === 'assistant') paid.add(text)
      }
      const asked = new Map(said.map((text) => [text, fixture.asked(text).length]))
      await gateway.start()
      await fixture.until(
        () => PEOPLE.every((person) => fixture.shown(person).includes(`Echo: ${round}.3 of ${person}`)),
        `the answers of round ${round}`,
      )
      const paidTwice = said.filter(
        (text) => paid.has(`Echo: ${text}`) && fixture.asked(text).length > asked.get(text)!,
      )
      expect(paidTwice).toEqual([])
    }
    for (const person of PEOPLE) {
      const answers = [1, 2, 3, 4].flatMap((round) =>
        [1, 2, 3].map((number) => `Echo: ${round}.${number} of ${person}`),
      )
      // An answer whose sending was not noted down before a kill is sent once more, never out of order.
      const shown = fixture.shown(person)
      expect(shown.filter((text, index) => text !== shown[index - 1])).toEqual(answers)
    }
  },
)

test(
  'killed between the parts of a long answer, it continues with the part that was not sent',
  PROCESS_TEST,
  async () => {
    await using fixture = await BotFixture.start({
      sandbox: { answer: { reply: () => LONG_ANSWER, wordsPerDelta: 1_000 } },
    })
    const { telegram, gateway } = fixture
    telegram.chats.openChat(501)
    const parts = () => fixture.shown(501)
    telegram.say(501, 'tell me everything')
    await fixture.until(() => parts().length >= 3, 'the first parts')
    await gateway.kill('SIGKILL')
    const before = parts().length
    await gateway.start()
    await fixture.until(() => parts().at(-1)?.endsWith(LONG_ANSWER.slice(-20)), 'the last part')
    expect(parts().length).toBeGreaterThan(before)
    // A part that was sent but not recorded may appear twice.
    const once = parts().filter((text, index) => text !== parts()[index - 1])
    expect(once.join(' ').split(/\s+/)).toEqual(LONG_ANSWER.split(' '))
    expect(parts().length - once.length).toBeLessThanOrEqual(1)
    expect(fixture.sandbox.requests).toHaveLength(1)
  },
)
