import { afterEach, beforeEach, expect, test } from 'vitest'
import { openQuietly, preparedDatabase } from '../../../../test/support/stores/postgres-storage.ts'
import type { Database } from '../connection/database.ts'
import { WakeUpQueue } from './wake-up-queue.ts'
import { WakeUps } from './wake-ups.ts'

/** As many as the queue is to hold, and a few that this process sends before it notices. */
const FULL = 250
const CONVERSATIONS = 650

let database: Database
let queue: WakeUpQueue
let wakeUps: WakeUps

beforeEach(async () => {
  database = await openQuietly(await preparedDatabase())
  queue = await WakeUpQueue.open(database)
  wakeUps = new WakeUps(database, queue)
  // The higher the number, the longer it waits.
  await database.query(`
    INSERT INTO hermes.conversations (id, channel, address, last_at, next_seq)
      SELECT 'web:' || i, 'web', i::text, 1, 2 FROM generate_series(1, ${CONVERSATIONS}) i;
    INSERT INTO hermes.messages (id, conversation, seq, revision, role, state, text, at)
      SELECT 'm' || c.address, c.key, 1, 1, 'user', CASE c.key % 2 WHEN 0 THEN 'held' ELSE 'received' END, 'x', 1
        FROM hermes.conversations c ORDER BY c.address::int DESC`)
})
afterEach(async () => {
  await queue.close()
  await database.close()
})

/** Fetches all that is due, as a process that answers everything at once. @returns the numbers of the conversations */
async function answerAll(): Promise<readonly number[]> {
  const numbers: number[] = []
  for (;;) {
    const taken = await queue.fetch(64)
    if (taken.length === 0) return numbers
    const ids = taken.map(({ conversationId }) => conversationId)
    await database.query(
      `UPDATE hermes.messages m SET state = 'answered' FROM hermes.conversations c
         WHERE c.key = m.conversation AND c.id = ANY($1::text[])`,
      [ids],
    )
    await wakeUps.finishTurns(
      taken.map((wakeUp) => ({ wakeUp, conversationId: wakeUp.conversationId, retryAt: null })),
      Date.now(),
      true,
    )
    numbers.push(...ids.map((id) => Number(id.slice('web:'.length))))
  }
}

test('of a long backlog only the oldest are in the queue, and the next ones follow until all were', async () => {
  expect(await wakeUps.wakeAll()).toBe(FULL)
  expect(await queue.due(CONVERSATIONS)).toBe(FULL)
  expect(wakeUps.hasLeftOut).toBe(true)
  expect(await wakeUps.wakeMore()).toBe(0)
  let before = CONVERSATIONS + 1
  for (const expected of [FULL, FULL, CONVERSATIONS - 2 * FULL]) {
    const numbers = (await answerAll()).toSorted((a, b) => b - a)
    expect(numbers).toEqual(Array.from({ length: expected }, (_, index) => before - 1 - index))
    before -= expected
    await wakeUps.wakeMore()
  }
  expect(wakeUps.hasLeftOut).toBe(false)
  expect(await answerAll()).toEqual([])
})

test('what arrives at a full queue waits for its turn without a job, and gets one', async () => {
  await wakeUps.wakeAll()
  await database.query(
    `INSERT INTO hermes.conversations (id, channel, address, last_at) VALUES ('web:0', 'web', '0', 1)`,
  )
  const arrived = { id: 'web:0', wake_job: null, lease_turn: null } as never
  expect(wakeUps.wanted([arrived])).toBeNull()
  expect(arrived).toMatchObject({ wake_job: null })
  while (wakeUps.hasLeftOut) {
    await answerAll()
    await wakeUps.wakeMore()
  }
  expect(wakeUps.wanted([arrived])).not.toBeNull()
})

test('jobs that a process of the version before has sent for all of them are answered all the same', async () => {
  const ids = Array.from({ length: CONVERSATIONS }, (_, index) => `web:${index + 1}`)
  await wakeUps.wake(ids)
  expect(await wakeUps.wakeAll()).toBe(0)
  expect(await answerAll()).toHaveLength(CONVERSATIONS)
  expect(await wakeUps.wakeAll()).toBe(0)
  expect(wakeUps.hasLeftOut).toBe(false)
})
