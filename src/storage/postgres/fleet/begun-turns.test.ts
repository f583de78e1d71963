import { Client } from 'pg'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { command, Driver, message, STOP, TELL } from '../../../../test/contracts/storage/kit.ts'
import { TcpProxy } from '../../../../test/support/processes/tcp-proxy.ts'
import { openQuietly, preparedDatabase } from '../../../../test/support/stores/postgres-storage.ts'
import { until } from '../../../../test/support/until.ts'
import type { Lease } from '../../../inbox/lease.ts'
import { systemClock } from '../../../support/clock.ts'
import { StoreError } from '../../../support/errors.ts'
import type { Database } from '../connection/database.ts'
import { openPostgresStorage } from '../storage.ts'
import { FleetWork } from './fleet-work.ts'
import { TurnClaims } from './turn-claims.ts'
import { WakeUpQueue } from './wake-up-queue.ts'
import { WakeUps } from './wake-ups.ts'

const ID = 'process-1'
const ROOM = 8

/** The address of the database, not through the proxy. */
let direct: string
let proxy: TcpProxy
let database: Database
let queue: WakeUpQueue
let wakeUps: WakeUps
let work: FleetWork
let driver: Driver
/** A process that only receives. */
let elsewhere: Driver
/** What is known to have work is not started. */
let held: boolean
let answered: string[]
let running: number

beforeEach(async () => {
  direct = await preparedDatabase()
  const url = new URL(direct)
  proxy = await TcpProxy.to(Number(url.port))
  url.hostname = '127.0.0.1'
  url.port = String(proxy.port)
  database = await openQuietly(url.href)
  queue = await WakeUpQueue.open(database)
  wakeUps = new WakeUps(database, queue)
  await join(ID)
  const onProblem = () => {}
  const wake = (conversations: Parameters<WakeUps['wanted']>[0]) => wakeUps.wanted(conversations)
  const claims = new TurnClaims({ database, queue, wake, clock: systemClock })
  const common = { queue, wakeUps, claims, clock: systemClock }
  work = new FleetWork({ id: ID, ...common, answers: true, notify() {}, onProblem })
  elsewhere = new Driver(
    openPostgresStorage({ database: await openQuietly(direct), pullChannels: ['web'], wake }),
  )
  driver = new Driver(openPostgresStorage({ database, pullChannels: ['web'], wake, turns: work }))
  held = false
  answered = []
  running = 0
  await work.start(pump, () => ({ historyLimit: 10_000, merge: true }))
  pump()
  await until(() => !work.searching, 'the first look into the queue')
})
afterEach(async () => {
  await work.stop()
  await queue.close()
  await Promise.all([driver, elsewhere].map(({ storage }) => storage.close()))
  await proxy[Symbol.asyncDispose]()
})

/** As the dispatcher does. */
function pump(): void {
  while (!held && running < ROOM) {
    const next = work.next(Date.now(), ROOM - running)
    if (!next) return
    running++
    void turn(next.id)
      .catch(() => work.done(next.id, 0, null))
      .finally(() => {
        running--
        pump()
      })
  }
}

async function turn(id: string): Promise<void> {
  const lease = await driver.lease(id, { owner: ID })
  if (!lease) return work.empty(id)
  answered.push(...lease.messages.map(({ text }) => text))
  await driver.answer(lease, `answer to ${lease.messages[0]!.text}`)
  work.done(id, lease.messages.length, null)
}

function join(id: string): Promise<unknown> {
  return database.query(
    `INSERT INTO hermes.processes (id, role, host, pid, version, started_at, expires_at)
       VALUES ($1, 'all', 'test', 1, '0', now(), now() + interval '1 hour')`,
    [id],
  )
}

async function conversation(id = 'telegram:7') {
  const [row] = await database.query<{
    lease_owner: string | null
    wake_job: string | null
    generation: number
  }>('SELECT lease_owner, wake_job, generation FROM hermes.conversations WHERE id = $1', [id])
  return row!
}

async function jobs(): Promise<number> {
  const [row] = await database.query<{ n: number }>('SELECT count(*) AS n FROM hermes_boss.job')
  return row!.n
}

const idle = () => until(() => running === 0 && answered.length > 0, 'the end of the turns')

test('with room, a message is leased by the commit that stores it, and no job is sent', async () => {
  held = true
  await driver.acceptOne(message('1'))
  expect(await conversation()).toMatchObject({ lease_owner: ID, wake_job: null, generation: 1 })
  expect(await jobs()).toBe(0)
  held = false
  pump()
  await idle()
  expect(answered).toEqual(['text 1'])
  // Its lease was handed out as it was: none was asked for.
  expect(await conversation()).toEqual({ lease_owner: null, wake_job: null, generation: 1 })
  expect(await driver.transcript()).toEqual(['user answered: text 1', 'assistant answered: answer to text 1'])
})

test('what arrives during the turn waits for its end, which sends the job for it', async () => {
  held = true
  await driver.acceptOne(message('1'))
  await driver.acceptOne(message('2'))
  expect(await jobs()).toBe(0)
  held = false
  pump()
  await until(() => answered.length === 2 && running === 0, 'both answers')
  expect(answered).toEqual(['text 1', 'text 2'])
  expect(await jobs()).toBe(0)
  expect(await conversation()).toMatchObject({ lease_owner: null, wake_job: null })
})

test('some of the room is left to the queue, and nothing is begun in an outage', async () => {
  held = true
  await driver.acceptOne(message('1', { address: 'held' }), { outage: TELL })
  for (let chat = 0; chat < ROOM; chat++) await driver.acceptOne(message('1', { address: String(chat) }))
  const [row] = await database.query<{ n: number }>(
    'SELECT count(*) AS n FROM hermes.conversations WHERE lease_turn IS NOT NULL',
  )
  expect(row!.n).toBe(ROOM * 0.75)
  expect(await jobs()).toBe(ROOM * 0.25)
})

test('when the answer to its commit is lost, the turn is found and continued by nobody but this process', async () => {
  const lost = proxy.loseAnswer('COMMIT', 'COMMIT')
  await expect(driver.acceptOne(message('1'))).rejects.toBeInstanceOf(StoreError)
  await lost
  // Neither a job nor the death of its owner would bring it back.
  await idle()
  expect(answered).toEqual(['text 1'])
  expect(await driver.acceptOne(message('1'))).toMatchObject({ duplicate: true, state: 'answered' })
  expect(await conversation()).toEqual({ lease_owner: null, wake_job: null, generation: 3 })
})

test('when the commit did not happen, the message is begun with its repetition', async () => {
  // The request is lost, not its answer.
  proxy.line = 'refused'
  await expect(driver.acceptOne(message('1'))).rejects.toBeInstanceOf(StoreError)
  proxy.line = 'open'
  expect(await driver.acceptOne(message('1'))).toMatchObject({ duplicate: false })
  await idle()
  expect(answered).toEqual(['text 1'])
})

test('a lease that lay around is asked for again, because its message may have been withdrawn', async () => {
  held = true
  await driver.acceptOne(message('1'))
  await new Promise((resolve) => setTimeout(resolve, 1_100))
  held = false
  pump()
  await idle()
  expect(answered).toEqual(['text 1'])
  expect(await conversation()).toMatchObject({ lease_owner: null, generation: 3 })
})

test('what is handed out at once is what was stored, also of texts that no database takes', async () => {
  held = true
  const odd = 'odd \0 \ud800 text'
  await driver.acceptOne(
    message('1', {
      text: odd,
      personId: odd,
      personName: odd,
      attachments: [{ mediaType: 'text/plain', name: odd, bytes: new Uint8Array(3) }],
      context: {
        digest: 'd',
        system: odd,
        turns: [{ role: 'user', text: odd, attachments: [] }],
        model: null,
        maxTokens: null,
        stop: [odd],
      },
    }),
  )
  const { id } = work.next(Date.now(), ROOM)!
  const begun = (await driver.lease(id, { owner: ID }))!
  const stored = (await driver.lease(id, { owner: ID, again: true }))!
  const handedOut = ({ messages, context }: Lease) => ({
    context,
    messages: messages.map((each) => ({ ...each, revision: 0 })),
  })
  expect(handedOut(begun)).toEqual(handedOut(stored))
  await driver.answer(stored)
  work.done(id, 1, null)
})

/** A message that another process has received is being fetched, and not handed out. */
async function beginFetch(): Promise<void> {
  await elsewhere.acceptOne(message('1'))
  work.nudge()
  expect(work.next(Date.now(), ROOM)).toBeNull()
  expect(work.searching).toBe(true)
}

test.each([
  ['received', () => driver.acceptOne(message('1'))],
  ['fetched', beginFetch],
])('what was %s and is stopped before it was handed out is not answered', async (_, begin) => {
  held = true
  await begin()
  await until(() => work.ready > 0, 'its turn')
  await driver.acceptOne(command('2', STOP))
  work.outdated('telegram:7')
  held = false
  pump()
  await until(() => running === 0 && work.waiting === 0, 'the end')
  expect(answered).toEqual([])
})

test('what is fetched when the gate has been shut is returned', async () => {
  held = true
  await beginFetch()
  work.pause()
  await until(() => !work.searching, 'the jobs')
  await expect.poll(async () => (await conversation()).lease_owner).toBeNull()
  expect(await driver.transcript()).toEqual(['user received: text 1'])
})

test.each(['pause', 'stop'] as const)('%s gives back what was begun and not handed out', async (how) => {
  held = true
  await driver.acceptOne(message('1'))
  await work[how]()
  await expect.poll(async () => (await conversation()).wake_job).not.toBeNull()
  expect(await conversation()).toMatchObject({ lease_owner: null })
  expect(await driver.transcript()).toEqual(['user received: text 1'])
  // Another process can answer it.
  await join('process-2')
  expect(
    await driver.storage.inbox.lease({
      conversationId: 'telegram:7',
      owner: 'process-2',
      now: Date.now(),
      historyLimit: 0,
      merge: true,
    }),
  ).toMatchObject({ messages: [{ text: 'text 1' }] })
})

test('what a dead process began is taken over, although no job says so', async () => {
  held = true
  await driver.acceptOne(message('1'))
  await database.query('DELETE FROM hermes.processes WHERE id = $1', [ID])
  expect(await wakeUps.takeOver(new Set())).toBe(1)
  expect(await jobs()).toBe(1)
})

describe('what another process has received', () => {
  const CHATS = ['1', '2', '3']
  const receive = () =>
    Promise.all(CHATS.map((address) => elsewhere.acceptOne(message(address, { address }))))
  const texts = CHATS.map((address) => `text ${address}`)

  test('is fetched and leased in one transaction', async () => {
    await receive()
    held = true
    work.nudge()
    expect(work.next(Date.now(), ROOM)).toBeNull()
    await until(() => work.ready > 0, 'the jobs')
    const rows = await database.query<{ lease_owner: string; same: boolean }>(
      `SELECT c.lease_owner, c.xmin::text = j.xmin::text AS same
         FROM hermes.conversations c JOIN hermes_boss.job j ON j.id = c.wake_job`,
    )
    expect(rows.filter(({ lease_owner, same }) => lease_owner === ID && same).length).toBeGreaterThan(0)
    held = false
    work.nudge()
    await until(() => answered.length === CHATS.length && running === 0, 'all answers')
    expect(answered.toSorted()).toEqual(texts)
    expect(await jobs()).toBe(0)
  })

  test('is continued by this process when the answer to that commit is lost', async () => {
    await receive()
    const lost = proxy.loseAnswer('COMMIT', 'COMMIT')
    work.nudge()
    await lost
    await until(() => answered.length === CHATS.length && running === 0, 'all answers')
    expect(answered.toSorted()).toEqual(texts)
    expect(await jobs()).toBe(0)
  })

  test('is answered but for a conversation that the database cannot lease', async () => {
    await receive()
    await database.query(
      `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
         $$ BEGIN RAISE 'no' USING ERRCODE = '22000'; END $$`,
    )
    await database.query(
      `CREATE TRIGGER refuse BEFORE UPDATE OF lease_turn ON hermes.conversations FOR EACH ROW
         WHEN (new.id = 'telegram:2' AND new.lease_turn IS NOT NULL) EXECUTE FUNCTION refuse()`,
    )
    work.nudge()
    await until(() => answered.length === CHATS.length - 1, 'the others')
    await database.query('DROP TRIGGER refuse ON hermes.conversations')
    work.nudge()
    await until(() => answered.length === CHATS.length && running === 0, 'all answers')
    expect(answered.toSorted()).toEqual(texts)
  })

  test('is leased later where it is locked', async () => {
    await receive()
    const client = new Client({ connectionString: direct })
    await client.connect()
    await client.query('BEGIN')
    await client.query(`SELECT 1 FROM hermes.conversations WHERE id = 'telegram:2' FOR UPDATE`)
    work.nudge()
    await until(() => answered.length === CHATS.length - 1, 'the others')
    await client.query('ROLLBACK')
    await client.end()
    await until(() => answered.length === CHATS.length && running === 0, 'all answers')
    expect(await jobs()).toBe(0)
  })
})
