import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { call, ODD_JSON, step } from '../../../test/contracts/storage/journal.ts'
import { Driver, command, message, TELL } from '../../../test/contracts/storage/kit.ts'
import { freshDatabase } from '../../../test/support/stores/postgres.ts'
import { systemClock } from '../../support/clock.ts'
import { ConfigurationError } from '../../support/errors.ts'
import { createLog } from '../../support/log.ts'
import { Secret } from '../../support/secret.ts'
import { openDatabase, type Database } from '../postgres/connection/database.ts'
import { migrate } from '../postgres/migrations/migrate.ts'
import { openPostgresStorage } from '../postgres/storage.ts'
import { openSqliteStorage } from '../sqlite/storage.ts'
import { copyStorage, type CopyProgress } from './copy.ts'
import { CopySource } from './source.ts'
import { COPIED_TABLES } from './tables.ts'

const PULL = ['web']
/** Not what it is after it was read and written again. */
const BLOCKS = String.raw`[{"b": 1.0, "a":"\ud83d","10":1e3 }]`
/** As it is stored: JSON in a column of text, in both. */
const ABOUT = { zone: 'UTC', quotes: [{ kind: 'reply', from: 'Ben', text: 'a\n"b" \\ 😀' }] } as const

let folder: string
let path: string
let target: Database

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'hermes-copy-'))
  path = join(folder, 'hermes.db')
  const url = new Secret(await freshDatabase())
  await migrate({ url })
  const log = await createLog({ level: 'silent' })
  target = await openDatabase({ url, clock: systemClock, log, onProblem: () => {} })
})
afterEach(async () => {
  await target.close()
  rmSync(folder, { recursive: true })
})

/** A home with everything that there can be: answered, held, parked, half delivered, people, figures. */
async function livedIn(): Promise<void> {
  const driver = new Driver(await openSqliteStorage({ path, pullChannels: PULL }))
  const { storage } = driver
  const picture = { mediaType: 'image/png', name: 'a.png', bytes: Uint8Array.from([0, 1, 2, 255, 0]) }
  await driver.accept([
    message('1', { text: 'zero \0 and 😀 and {"json": true}', attachments: [picture], about: ABOUT }),
  ])
  await driver.answer(await driver.mustLease(), '[1, 2]', { blocks: BLOCKS })
  const { item } = (await storage.outbox.head('telegram:7'))!
  await storage.outbox.receipt(item.id, 0, 'sent-1', false)
  await driver.accept([message('2'), command('3', { model: 'other' })])
  await driver.finish(await driver.mustLease(), { kind: 'parked', reason: 'bug', notice: 'parked' })
  await driver.accept([message('4'), message('5', { address: '8', personId: 'ben' })], {
    outage: TELL,
    cursors: [{ channel: 'telegram', name: 'offset', value: '77' }],
  })
  await driver.accept([
    { kind: 'turned-away', channel: 'telegram', address: '9', platformMessageId: '6', reply: 'no' },
  ])
  await driver.accept([message('7', { channel: 'web', address: 'w', personId: 'me' })])
  // Was being answered when the gateway ended.
  const lease = await driver.mustLease('web:w')
  const calls = [call('c1', { input: ODD_JSON, result: ODD_JSON }), call('c2')]
  await storage.inbox.saveStep(lease, { step: step(0, calls, ODD_JSON), terms: ODD_JSON }, driver.now)
  await storage.facts.set('a fact', 'its value')
  await storage.figures.add('answered', driver.now, 2.5)
  await storage.close()
}

async function copy(onProgress: (progress: CopyProgress) => void = () => {}) {
  using source = new CopySource(path)
  return await copyStorage({ source, target, onProgress })
}

/** What everybody sees of a store. */
async function look(driver: Driver) {
  const { storage } = driver
  const ids = ['telegram:7', 'telegram:8', 'telegram:9', 'web:w']
  return {
    messages: await Promise.all(
      ids.map((id) => storage.conversations.messages(id, { limit: 100, beforeSeq: null })),
    ),
    counts: await storage.inbox.counts(),
    queue: await storage.inbox.queue({ states: ['received', 'held', 'parked', 'answering'], limit: 100 }),
    cursor: await storage.inbox.cursors('telegram'),
    head: await storage.outbox.head('telegram:7'),
    person: await storage.conversations.exportPerson('telegram', 'anna'),
    fact: await storage.facts.get('a fact'),
    figures: await storage.figures.read('answered', 0, driver.now * 2),
  }
}

test('everything is there afterwards, word for word, and waiting messages are answered', async () => {
  await livedIn()
  const sqlite = new Driver(await openSqliteStorage({ path, pullChannels: PULL }))
  const before = await look(sqlite)
  await sqlite.storage.close()
  const { rows, already } = await copy()
  expect(already).toBe(false)
  expect(rows['messages']).toBeGreaterThan(6)
  const postgres = new Driver(openPostgresStorage({ database: target, pullChannels: PULL }))
  postgres.now = sqlite.now + 1_000
  const after = await look(postgres)
  const visible = JSON.stringify(before).replaceAll('\\u0000', '\u2400')
  expect(JSON.parse(JSON.stringify(after))).toEqual(JSON.parse(visible))
  // A second delivery is recognised, waiting messages are answered in order, and new rows follow them.
  expect(await postgres.acceptOne(message('1'))).toMatchObject({ duplicate: true })
  const { storage } = postgres
  await storage.inbox.recover('another', postgres.tick())
  const lease = await postgres.mustLease('telegram:7')
  expect(lease.messages.map(({ text }) => text)).toEqual(['text 4'])
  expect(lease.history.map(({ blocks }) => blocks)).toEqual([null, BLOCKS])
  await postgres.answer(lease, 'late')
  expect(await postgres.drain()).toEqual(['[1, 2]', 'done model', 'parked', 'saved, later', 'late'])
  const begun = await postgres.mustLease('web:w')
  expect(begun.messages[0]?.text).toBe('text 7')
  const calls = [call('c1', { input: ODD_JSON, result: ODD_JSON }), call('c2')]
  expect(begun.journal).toEqual({ terms: ODD_JSON, steps: [step(0, calls, ODD_JSON)] })
  const picture = before.messages[0]![0]!.attachments[0]!
  expect([...(await storage.inbox.attachment(picture.id))!.bytes]).toEqual([0, 1, 2, 255, 0])
})

test('takes along every table that both stores have', async () => {
  await livedIn()
  const tables = await target.query<{ name: string }>(
    `SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'hermes'`,
  )
  const both = new Set(tables.map(({ name }) => name))
  using db = new DatabaseSync(path, { readOnly: true })
  const own = db.prepare(`SELECT name FROM sqlite_master WHERE type = 'table'`).all()
  const shared = own.map((row) => String(row['name'])).filter((name) => both.has(name) && name !== 'counters')
  expect(COPIED_TABLES.map(({ name }) => name).toSorted()).toEqual(shared.toSorted())
})

test('an interrupted copy continues, and a second one does nothing', async () => {
  await livedIn()
  await expect(
    copy(({ table }) => {
      if (table === 'outbox') throw new Error('killed')
    }),
  ).rejects.toThrow('killed')
  expect((await copy()).already).toBe(false)
  expect((await copy()).already).toBe(true)
})

test('a source that changed in between is copied again', async () => {
  await livedIn()
  await expect(
    copy(({ table }) => {
      if (table === 'outbox') throw new Error('killed')
    }),
  ).rejects.toThrow('killed')
  const sqlite = new Driver(await openSqliteStorage({ path, pullChannels: PULL }))
  await sqlite.storage.inbox.recover('another', sqlite.tick())
  await sqlite.answer(await sqlite.mustLease('web:w'), 'in between')
  await sqlite.storage.close()
  await copy()
  const postgres = new Driver(openPostgresStorage({ database: target, pullChannels: PULL }))
  expect(await postgres.transcript('web:w')).toEqual([
    'user answered: text 7',
    'assistant answered: in between',
  ])
})

test('a source in which nothing but a result was stored in between is copied again', async () => {
  await livedIn()
  const interrupted = copy(({ table, phase }) => {
    if (table === 'outbox' && phase === 'copied') throw new Error('killed')
  })
  await expect(interrupted).rejects.toThrow('killed')
  const sqlite = new Driver(await openSqliteStorage({ path, pullChannels: PULL }))
  const lease = (await sqlite.lease('web:w', { again: true }))!
  await sqlite.storage.close()
  await expect(
    copy(({ table }) => {
      if (table === 'outbox') throw new Error('killed')
    }),
  ).rejects.toThrow('killed')
  const again = await openSqliteStorage({ path, pullChannels: PULL })
  await again.inbox.saveResult(lease, { index: 0, callId: 'c2', result: '{}' }, sqlite.now)
  await again.close()
  await copy()
  const [row] = await target.query<{ result: string }>(`SELECT result FROM hermes.calls WHERE id = 'c2'`)
  expect(row!.result).toBe('{}')
})

test('a row that is not as it was is found', async () => {
  await livedIn()
  let changed: Promise<unknown> = Promise.resolve()
  const broken = copy(({ table, phase }) => {
    // Somebody else writes into the target, between the copy and the comparison.
    if (table === 'figures' && phase === 'copied')
      changed = target.query(`UPDATE hermes.messages SET text = 'x' WHERE platform_id = '4'`)
  })
  await expect(broken).rejects.toThrow(/messages: the row .* is not as it was/)
  await changed
})

test('a database that holds something else, or that a gateway is using, is not changed', async () => {
  await livedIn()
  const other = new Driver(openPostgresStorage({ database: target, pullChannels: PULL }))
  await other.accept([message('1')])
  await expect(copy()).rejects.toThrow(ConfigurationError)
  await expect(copy()).rejects.toThrow('holds messages already')
  await target.query(
    `INSERT INTO hermes.processes (id, role, host, pid, version, started_at, expires_at)
       VALUES ('p', 'all', 'somewhere', 12, '0.1.0', now(), now() + interval '1 minute')`,
  )
  await expect(copy()).rejects.toThrow('Gateways work on the database: somewhere (process 12)')
  expect(await other.transcript()).toEqual(['user received: text 1'])
})
