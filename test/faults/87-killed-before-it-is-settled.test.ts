import '../support/processes/no-gateway-left.ts'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import { BotFixture } from '../support/processes/bot-fixture.ts'
import {
  billed,
  BUDGET_ANSWERS,
  BUDGET_CONFIG,
  BUDGET_USD,
  CHATS,
  NOTHING_OPEN,
  QUESTION,
  SAVED,
  untilNone,
} from '../support/processes/budget-rounds.ts'
import { randomOfThisTest } from '../support/test-chance.ts'
import { pause } from '../support/until.ts'

const ROUNDS = 5
/** From the first request on: reservations are made, requests are sent, answers are settled. */
const KILL_WITHIN_MS = 500

function openIn(home: string) {
  using database = new DatabaseSync(join(home, 'hermes.db'), { readOnly: true })
  const count = (table: string) => Number(database.prepare(`SELECT count(*) AS n FROM ${table}`).get()!['n'])
  return { reservations: count('reservations'), budget_slices: count('budget_slices') }
}

test('killed between reservations and their settlement, a gateway spends no more than its budget, and leaves none open', async () => {
  const random = randomOfThisTest()
  for (let round = 0; round < ROUNDS; round++) {
    await using fixture = await BotFixture.start({
      storage: 'sqlite',
      sandbox: { answer: BUDGET_ANSWERS },
      config: BUDGET_CONFIG,
    })
    const { telegram, sandbox, gateway } = fixture
    for (const chat of CHATS) telegram.say(chat, QUESTION)
    await fixture.until(() => sandbox.requests.length > 0, 'a request')
    await pause(random() * KILL_WITHIN_MS)
    await gateway.restart('SIGKILL')
    await fixture.untilState('budget')
    await untilNone(gateway, ['received', 'answering'])
    expect(billed(sandbox)).toBeLessThanOrEqual(BUDGET_USD)
    expect(CHATS.filter((chat) => fixture.shown(chat).includes(SAVED)).length).toBeGreaterThan(0)
    // Nobody is told twice, and everybody is answered as soon as there is room.
    telegram.say(CHATS[0]!, '/budget +5')
    await fixture.untilState('ready')
    await untilNone(gateway, ['received', 'answering', 'held'])
    for (const chat of CHATS)
      expect(fixture.shown(chat).filter((text) => text === SAVED).length).toBeLessThanOrEqual(1)
    await gateway.kill('SIGTERM')
    expect(openIn(gateway.home)).toEqual(NOTHING_OPEN)
  }
}, 600_000)
