import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { Driver, message, START, TELL } from '../../../test/contracts/storage/kit.ts'
import {
  empty,
  migratedDatabase,
  openStorageAt,
  type OpenPostgres,
} from '../../../test/support/stores/postgres-storage.ts'
import { StoreError } from '../../support/errors.ts'

/** Two processes on one database, as far as the database can tell. */
let url: string
let opened: OpenPostgres[]
let one: Driver
let two: Driver

beforeAll(async () => {
  url = await migratedDatabase()
})
beforeEach(async () => {
  await empty(url)
  opened = [await openStorageAt(url), await openStorageAt(url)]
  ;[one, two] = opened.map(({ storage }) => new Driver(storage)) as [Driver, Driver]
})
afterEach(() => Promise.all(opened.map(({ storage }) => storage.close())))

const database = () => opened[0]!.database

/** A process that lives for as long as the tests run. */
function live(id: string): Promise<unknown> {
  return database().query(
    `INSERT INTO hermes.processes (id, role, host, pid, version, started_at, expires_at)
       VALUES ($1, 'all', 'test', 1, '0.0.0', now(), now() + interval '1 hour')`,
    [id],
  )
}

test('the same message given to two processes at once is stored once, also where the chat is new', async () => {
  for (let round = 0; round < 20; round++) {
    const arrival = message(`id-${round}`, { address: `chat-${round % 5}` })
    const both = await Promise.all([one.acceptOne(arrival), two.acceptOne(arrival)])
    expect(both.map(({ duplicate }) => duplicate).toSorted()).toEqual([false, true])
    expect(new Set(both.map(({ messageId }) => messageId)).size).toBe(1)
  }
})

test('batches of many chats in opposite orders never wait for each other for good', async () => {
  const chats = Array.from({ length: 12 }, (_, index) => String(index))
  const rounds = Array.from({ length: 10 }, (_, round) => round)
  await Promise.all(
    rounds.flatMap((round) => [
      one.accept(chats.map((address) => message(`a${round}`, { address }))),
      two.accept(chats.toReversed().map((address) => message(`b${round}`, { address }))),
    ]),
  )
  const { received } = await one.storage.inbox.counts()
  expect(received).toBe(chats.length * rounds.length * 2)
  for (const address of chats) {
    const rows = await one.storage.conversations.messages(`telegram:${address}`, {
      limit: 100,
      beforeSeq: null,
    })
    expect(rows.map(({ seq }) => seq)).toEqual(rows.map((_, index) => index + 1))
  }
})

test('a watcher that follows revisions while two processes write misses nothing', async () => {
  const seen: string[] = []
  let after = 0
  let writing = true
  const follow = async () => {
    for (;;) {
      const last = !writing
      for (const row of await one.storage.conversations.changes('telegram:7', after, 1_000)) {
        after = row.revision
        seen.push(row.text)
      }
      if (last) return
    }
  }
  const write = async (driver: Driver, name: string) => {
    for (let index = 0; index < 40; index++) await driver.acceptOne(message(`${name}${index}`))
  }
  const following = follow()
  await Promise.all([write(one, 'a'), write(two, 'b')])
  writing = false
  await following
  expect(seen).toHaveLength(80)
})

test('of many who ask for the same work, one gets it', async () => {
  await one.acceptOne(message('1'))
  await Promise.all([live('p1'), live('p2')])
  const leases = await Promise.all(
    Array.from({ length: 10 }, (_, index) =>
      [one, two][index % 2]!.lease('telegram:7', { owner: index % 2 ? 'p1' : 'p2' }),
    ),
  )
  expect(leases.filter((lease) => lease !== null)).toHaveLength(1)
})

describe('a lease', () => {
  test('of a live process is taken over by nobody; of a dead one, by the next process that asks', async () => {
    await Promise.all([live('living'), live('other')])
    await one.accept([message('1'), message('1', { address: '8' })])
    const fixture = await one.lease('telegram:7', { owner: 'living' })
    const lost = await one.lease('telegram:8', { owner: 'gone' })
    expect(await two.lease('telegram:7', { owner: 'other' })).toBeNull()
    expect(await two.storage.inbox.recover('other', two.now)).toContain('telegram:7')
    expect(await two.lease('telegram:7', { owner: 'other' })).toBeNull()
    const taken = await two.lease('telegram:8', { owner: 'other' })
    expect(taken!.generation).toBeGreaterThan(lost!.generation)
    expect(await one.answer(lost!, 'too late')).toBe(false)
    expect(await one.storage.inbox.saveDraft(lost!, 'draft')).toBe(false)
    expect(await two.answer(taken!, 'in time')).toBe(true)
    expect(await one.answer(fixture!)).toBe(true)
  })

  test('is taken over without recovering first, with the draft that was shown', async () => {
    await one.acceptOne(message('1'))
    const lost = await one.lease('telegram:7', { owner: 'gone' })
    await one.storage.inbox.saveDraft(lost!, 'draft-1')
    const taken = await two.lease('telegram:7', { owner: 'other' })
    expect(taken).toMatchObject({ draft: 'draft-1', failures: 0 })
    expect(taken!.messages.map(({ text }) => text)).toEqual(['text 1'])
  })
})

test('two who finish the same lease at once: one is taken', async () => {
  await one.acceptOne(message('1'))
  const lease = await one.mustLease()
  const both = await Promise.all([one.answer(lease, 'a'), two.answer(lease, 'b')])
  expect(both.toSorted()).toEqual([false, true])
  expect(await one.drain()).toHaveLength(1)
})

test('who held the channel before stores nothing', async () => {
  await database().query(
    `INSERT INTO hermes.leases (name, holder, fence, expires_at) VALUES ('channel:test', 'p', 7, now() + interval '1 h')`,
  )
  const accept = (fence: number) =>
    one.accept([message(String(fence))], {
      fence: { name: 'channel:test', fence },
      cursors: [{ channel: 'telegram', name: 'offset', value: String(fence) }],
    })
  await expect(accept(6)).rejects.toBeInstanceOf(StoreError)
  expect(await accept(7)).toMatchObject([{ state: 'received' }])
  await expect(accept(8)).rejects.toBeInstanceOf(StoreError)
  expect(await one.storage.inbox.cursor('telegram', 'offset')).toBe('7')
  expect(await one.transcript()).toEqual(['user received: text 7'])
})

test('many who hold at once tell each conversation once', async () => {
  const chats = Array.from({ length: 30 }, (_, index) => String(index))
  await one.accept(chats.map((address) => message('1', { address })))
  const told = await Promise.all(
    [one, two, one, two].map((driver) => driver.storage.inbox.hold({ outage: TELL, now: START })),
  )
  expect(told.flat()).toHaveLength(chats.length)
  expect(await one.storage.inbox.counts()).toMatchObject({ held: chats.length, received: 0 })
})

test('wake is called within the transaction, and only for conversations with work', async () => {
  const woken: Array<readonly number[]> = []
  const { storage } = await openStorageAt(url, {
    wake(conversations) {
      if (conversations.length === 0) return null
      return async (tx) => {
        const [row] = await tx.last<{ n: number }>('SELECT count(*) AS n FROM hermes.messages')
        woken.push([...conversations.map(({ key }) => key), row!.n])
      }
    },
  })
  opened.push({ storage, database: database() })
  const driver = new Driver(storage)
  await driver.acceptOne(message('1'))
  await driver.acceptOne(message('1'))
  await driver.acceptOne(message('2'), { outage: TELL })
  // Inside the transaction the first message already counts; a duplicate and a held message wake nobody.
  expect(woken).toEqual([[expect.any(Number), 1]])
  const failing = await openStorageAt(url, { wake: () => () => Promise.reject(new StoreError('no')) })
  opened.push(failing)
  await expect(new Driver(failing.storage).acceptOne(message('3'))).rejects.toThrow('no')
  expect(await driver.transcript()).not.toContain('user received: text 3')
})

test('any text comes back as it was sent, but for zeros and halves of characters', async () => {
  const texts = [
    '',
    '🙂 and עברית',
    'quote \' " \\ \n\t',
    '\u2028',
    '{"json": [null]}',
    '$1 %s',
    'a\0b',
    '\ud83d',
  ]
  for (const [index, text] of texts.entries()) {
    await one.acceptOne(message(String(index), { text }))
    await one.answer(await one.mustLease(), text)
  }
  await one.acceptOne(message('last'))
  const { history } = await one.mustLease()
  const stored = [...texts.slice(0, -2), 'a␀b', '\ufffd']
  expect(history.map((row) => row.text)).toEqual(stored.flatMap((text) => [text, text]))
  expect(await opened[0]!.storage.integrityCheck()).toEqual([])
})
