import '../support/processes/no-gateway-left.ts'
import { expect, test } from 'vitest'
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
import { FleetFixture } from '../support/processes/fleet-fixture.ts'
import { openQuietly } from '../support/stores/postgres-storage.ts'
import { freshDatabase } from '../support/stores/postgres.ts'
import { randomOfThisTest } from '../support/test-chance.ts'
import { pause } from '../support/until.ts'

const ROUNDS = 5
const KILL_WITHIN_MS = 500

async function openIn(url: string) {
  const database = await openQuietly(url)
  try {
    const count = async (table: string) =>
      (await database.query<{ n: number }>(`SELECT count(*) AS n FROM hermes.${table}`))[0]!.n
    return { reservations: await count('reservations'), budget_slices: await count('budget_slices') }
  } finally {
    await database.close()
  }
}

test('four gateways at the edge of one budget, one of them killed, spend no more than it has, and leave nothing reserved', async () => {
  const random = randomOfThisTest()
  for (let round = 0; round < ROUNDS; round++) {
    const databaseUrl = await freshDatabase()
    await using fleet = await FleetFixture.open({
      databaseUrl,
      sandbox: { answer: BUDGET_ANSWERS },
      config: { ...BUDGET_CONFIG, gateway: { ...BUDGET_CONFIG.gateway, concurrency: 6 } },
    })
    await fleet.join()
    await Promise.all([fleet.join(), fleet.join(), fleet.join('worker')])
    const holder = await fleet.untilHeld()
    for (const chat of CHATS) fleet.telegram.say(chat, QUESTION)
    await fleet.until(() => fleet.sandbox.requests.length > 0, 'a request')
    // In every other round all of them live.
    const others = fleet.gateways.filter((gateway) => gateway !== holder)
    if (round % 2 === 1) {
      await pause(random() * KILL_WITHIN_MS)
      await others[Math.floor(random() * others.length)]!.kill('SIGKILL')
    }
    await untilNone(holder, ['received', 'answering'])
    expect(billed(fleet.sandbox)).toBeLessThanOrEqual(BUDGET_USD)
    expect(CHATS.filter((chat) => fleet.shown(chat).includes(SAVED)).length).toBeGreaterThan(0)
    // Each of them says so, also who has refused nobody.
    for (const gateway of fleet.gateways.filter(({ running }) => running))
      await fleet.eventually(
        async () => (await gateway.readiness()).state === 'budget',
        'a 503 of every gateway',
      )
    fleet.telegram.say(CHATS[0]!, '/budget +5')
    await untilNone(holder, ['received', 'answering', 'held'])
    for (const chat of CHATS)
      expect(fleet.shown(chat).filter((text) => text === SAVED).length).toBeLessThanOrEqual(1)
    for (const gateway of fleet.gateways) if (gateway.running) await gateway.kill('SIGTERM')
    expect(await openIn(databaseUrl)).toEqual(NOTHING_OPEN)
  }
}, 900_000)
