import { randomBytes } from 'node:crypto'
import { Client } from 'pg'
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { Driver, message } from '../../../../test/contracts/storage/kit.ts'
import { TcpProxy } from '../../../../test/support/processes/tcp-proxy.ts'
import {
  empty,
  migratedDatabase,
  openQuietly,
  openStorageAt,
  type OpenPostgres,
} from '../../../../test/support/stores/postgres-storage.ts'
import { until } from '../../../../test/support/until.ts'
import { RowRefused, StoreError } from '../../../support/errors.ts'
import { openPostgresStorage } from '../storage.ts'

let url: string
let opened: OpenPostgres[]
let driver: Driver

beforeAll(async () => {
  url = await migratedDatabase()
})
beforeEach(async () => {
  await empty(url)
  opened = [await openStorageAt(url)]
  driver = new Driver(opened[0]!.storage)
})
afterEach(() => Promise.all(opened.map(({ storage }) => storage.close())))

const CHATS = Array.from({ length: 20 }, (_, index) => String(index))
/** Longer than an entry of an index may be, and no compression makes it shorter. */
const TOO_LONG = randomBytes(10_000).toString('base64')

/** How many transactions wrote the messages as they are now. */
async function writers(): Promise<number> {
  const [row] = await opened[0]!.database.query<{ n: number }>(
    `SELECT count(DISTINCT xmin::text) AS n FROM hermes.messages`,
  )
  return row!.n
}

test('what is asked for at one moment is committed together', async () => {
  await Promise.all(CHATS.map((address) => driver.acceptOne(message('1', { address }))))
  expect(await writers()).toBe(1)
  const leases = await Promise.all(CHATS.map((address) => driver.mustLease(`telegram:${address}`)))
  expect(leases.map(({ messages }) => messages.map(({ text }) => text))).toEqual(CHATS.map(() => ['text 1']))
  expect(await Promise.all(leases.map((lease) => driver.answer(lease)))).toEqual(CHATS.map(() => true))
  expect(await writers()).toBe(1)
})

test('one step that the database refuses fails alone', async () => {
  const results = await Promise.allSettled(
    CHATS.map((address) => driver.acceptOne(message(address === '7' ? TOO_LONG : '1', { address }))),
  )
  const failed = results.flatMap((result, index) => (result.status === 'rejected' ? [index] : []))
  expect(failed).toEqual([7])
  expect((results[7] as PromiseRejectedResult).reason).toBeInstanceOf(RowRefused)
  expect(await driver.storage.inbox.counts()).toMatchObject({ received: CHATS.length - 1 })
  // Nothing of it is left, and its chat can be written to.
  expect(await driver.acceptOne(message('2', { address: '7' }))).toMatchObject({ state: 'received' })
  expect(await driver.transcript('telegram:7')).toEqual(['user received: text 2'])
})

test('a request of a former holder is refused, and those that share its transaction are stored', async () => {
  await opened[0]!.database.query(
    `INSERT INTO hermes.leases (name, holder, fence, expires_at) VALUES ('channel:test', 'p', 7, now() + interval '1 h')`,
  )
  const accept = (fence: number) =>
    driver.accept([message('1', { address: String(fence) })], { fence: { name: 'channel:test', fence } })
  const results = await Promise.allSettled([6, 7, 8].map(accept))
  expect(results.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'rejected'])
  expect(await driver.storage.inbox.counts()).toMatchObject({ received: 1 })
  for (const address of ['6', '8'])
    expect(await driver.storage.conversations.find('telegram', address)).toBeNull()
})

describe('a conversation that another process keeps locked', () => {
  /** As a process does that was stopped in the middle of a transaction. */
  async function lockedBy(id: string) {
    const client = new Client({ connectionString: url })
    await client.connect()
    await client.query('BEGIN')
    await client.query('SELECT 1 FROM hermes.conversations WHERE id = $1 FOR UPDATE', [id])
    return client
  }

  test('holds up nobody but itself, and is continued when it is free', async () => {
    await Promise.all(CHATS.map((address) => driver.acceptOne(message('1', { address }))))
    const stopped = await lockedBy('telegram:3')
    const order: string[] = []
    const all = CHATS.map((address) =>
      driver.acceptOne(message('2', { address })).then(() => order.push(address)),
    )
    const behind = driver.acceptOne(message('3', { address: '3' })).then(() => order.push('behind'))
    await Promise.all(all.toSpliced(3, 1))
    expect(order).toHaveLength(CHATS.length - 1)
    await stopped.query('ROLLBACK')
    await stopped.end()
    await Promise.all([...all, behind])
    expect(order.slice(-2)).toEqual(['3', 'behind'])
    expect(await driver.transcript('telegram:3')).toEqual([1, 2, 3].map((n) => `user received: text ${n}`))
  })

  test('is given up after a while, with nothing stored', async () => {
    await driver.acceptOne(message('1', { address: '3' }))
    const stopped = await lockedBy('telegram:3')
    await expect(driver.acceptOne(message('2', { address: '3' }))).rejects.toBeInstanceOf(StoreError)
    await stopped.end()
    expect(await driver.transcript('telegram:3')).toEqual(['user received: text 1'])
  })
})

test('a step gets its turn in conversations that others queue for, so that they are hardly ever free', async () => {
  const chats = CHATS.slice(0, 8)
  await Promise.all(chats.map((address) => driver.acceptOne(message('1', { address }))))
  let over = false
  const locking = new Set<Client>()
  const others = [...chats, ...chats].map(async (address) => {
    const client = new Client({ connectionString: url })
    await client.connect()
    while (!over) {
      // In one trip, so that this test's own event loop does not bring them into step.
      await client.query(`BEGIN;
        SELECT 1 FROM hermes.conversations WHERE id = 'telegram:${address}' FOR UPDATE;
        SELECT pg_sleep(0.02 + 0.02 * random());
        COMMIT`)
      locking.add(client)
    }
    await client.end()
  })
  await until(() => locking.size === others.length, 'the others')
  try {
    const accepted = await driver.accept(chats.map((address) => message('2', { address })))
    expect(accepted.map(({ state }) => state)).toEqual(chats.map(() => 'received'))
  } finally {
    over = true
    await Promise.all(others)
  }
})

test('two processes with steps of the same conversations never deadlock, and keep their order', async () => {
  opened.push(await openStorageAt(url))
  const drivers = opened.map(({ storage }) => new Driver(storage))
  const database = opened[0]!.database
  const deadlocks = async () => {
    const [row] = await database.query<{ n: number }>(
      `SELECT pg_stat_force_next_flush(), deadlocks AS n FROM pg_stat_database WHERE datname = current_database()`,
    )
    return row!.n
  }
  const before = await deadlocks()
  const rounds = Array.from({ length: 8 }, (_, round) => round)
  await Promise.all(
    rounds.flatMap((round) =>
      drivers.flatMap((each, index) => {
        const chats = index === 0 ? CHATS : CHATS.toReversed()
        return [
          ...chats.map((address) => each.acceptOne(message(`${index}-${round}`, { address }))),
          // Of several chats at once, as a platform delivers them.
          each.accept(chats.slice(round).map((address) => message(`all-${index}-${round}`, { address }))),
          ...chats.map(async (address) => {
            const lease = await each.lease(`telegram:${address}`, { owner: `p${index}` })
            if (lease) await each.answer(lease)
          }),
        ]
      }),
    ),
  )
  expect(await deadlocks()).toBe(before)
  for (const address of CHATS) {
    const rows = await driver.storage.conversations.messages(`telegram:${address}`, {
      limit: 200,
      beforeSeq: null,
    })
    expect(rows.map(({ seq }) => seq)).toEqual(rows.map((_, index) => index + 1))
    for (const index of [0, 1]) {
      const own = rows.flatMap(({ text }) => (text.startsWith(`text ${index}-`) ? [text] : []))
      expect(own).toEqual(rounds.map((round) => `text ${index}-${round}`))
    }
  }
})

test('when the answer to a commit is lost, its steps fail, and are found stored when they are repeated', async () => {
  await using proxy = await TcpProxy.to(Number(new URL(url).port))
  const far = new URL(url)
  far.port = String(proxy.port)
  far.hostname = '127.0.0.1'
  const database = await openQuietly(far.href)
  const cut = new Driver(openPostgresStorage({ database, pullChannels: ['web'] }))
  opened.push({ database, storage: cut.storage as OpenPostgres['storage'] })
  await Promise.all(CHATS.map((address) => cut.acceptOne(message('0', { address }))))
  const lost = proxy.loseAnswer('COMMIT', 'COMMIT')
  const results = await Promise.allSettled(CHATS.map((address) => cut.acceptOne(message('1', { address }))))
  await lost
  expect(new Set(results.map(({ status }) => status))).toEqual(new Set(['rejected']))
  const again = await Promise.all(CHATS.map((address) => cut.acceptOne(message('1', { address }))))
  expect(again.map(({ duplicate }) => duplicate)).toEqual(CHATS.map(() => true))
  expect(await driver.storage.inbox.counts()).toMatchObject({ received: 2 * CHATS.length })
})
