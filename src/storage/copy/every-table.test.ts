import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { step, call } from '../../../test/contracts/storage/journal.ts'
import { Driver, message } from '../../../test/contracts/storage/kit.ts'
import {
  migratedDatabase,
  openQuietly,
  openStorageAt,
} from '../../../test/support/stores/postgres-storage.ts'
import { openSqliteStorage } from '../sqlite/storage.ts'
import type { Storage } from '../storage.ts'
import { COPIED_TABLES } from './tables.ts'

/** What becomes of the rows of a table. A new table needs an entry here, and the code that makes it true. */
interface Treatment {
  /** By `storage copy`. */
  readonly copied: boolean
  /** With what they go when their person is deleted; null = they hold nothing of people. */
  readonly deletedWith: 'message' | 'conversation' | 'person' | null
  /** How long they are kept; null = they are replaced, or few. */
  readonly kept: 'for its term' | 'with its message' | 'with its conversation' | 'until it is sent' | null
}

const OF_MESSAGE: Treatment = { copied: true, deletedWith: 'message', kept: 'with its message' }
const OF_CONVERSATION: Treatment = {
  copied: true,
  deletedWith: 'conversation',
  kept: 'with its conversation',
}
const OF_GATEWAY: Treatment = { copied: true, deletedWith: null, kept: null }
/** Those of nobody in particular stay. */
const OF_BUDGET: Treatment = { copied: true, deletedWith: 'person', kept: 'for its term' }
/** What one of the two stores, or one program, knows of itself. */
const OF_STORE: Treatment = { copied: false, deletedWith: null, kept: null }

const TABLES: Readonly<Record<string, Treatment>> = {
  messages: { ...OF_MESSAGE, kept: 'for its term' },
  attachments: { ...OF_MESSAGE, kept: 'for its term' },
  contexts: OF_MESSAGE,
  steps: OF_MESSAGE,
  calls: OF_MESSAGE,
  outbox: { ...OF_MESSAGE, kept: 'until it is sent' },
  receipts: { ...OF_MESSAGE, kept: 'until it is sent' },
  conversations: OF_CONVERSATION,
  addresses: OF_CONVERSATION,
  participants: OF_CONVERSATION,
  summaries: OF_CONVERSATION,
  turns: { ...OF_CONVERSATION, kept: 'for its term' },
  seen: { ...OF_CONVERSATION, kept: 'for its term' },
  pairings: { copied: true, deletedWith: 'person', kept: 'for its term' },
  budgets: OF_BUDGET,
  budget_slices: OF_BUDGET,
  reservations: OF_BUDGET,
  pairing_guesses: { ...OF_GATEWAY, kept: 'for its term' },
  figures: { ...OF_GATEWAY, kept: 'for its term' },
  // Positions. What is parked among them has tests of its own.
  cursors: OF_GATEWAY,
  facts: OF_GATEWAY,
  incidents: OF_GATEWAY,
  counters: OF_STORE,
  migrations: OF_STORE,
  processes: OF_STORE,
  leases: OF_STORE,
  sign_ins: OF_STORE,
  keeper_memory: OF_STORE,
}

const tablesWhere = (is: (treatment: Treatment) => boolean) =>
  Object.keys(TABLES).filter((name) => is(TABLES[name]!))

type Rows = ReadonlyArray<Readonly<Record<string, unknown>>>

/** A storage, and its database past it. */
interface Subject {
  readonly storage: Storage
  /** Before the name of a table. */
  readonly schema: string
  run(sql: string): Promise<Rows>
  /** Names of tables and, of each, of its columns. */
  columns(): Promise<ReadonlyMap<string, readonly string[]>>
  close(): Promise<void>
}

let folder: string
let subject: Subject

async function onSqlite(): Promise<Subject> {
  const path = join(folder, 'hermes.db')
  const storage = await openSqliteStorage({ path, pullChannels: [] })
  const db = new DatabaseSync(path)
  return {
    storage,
    schema: '',
    run: async (sql) => db.prepare(sql).all(),
    columns: async () => columnsOf(tablesOfFile(db)),
    async close() {
      db.close()
      await storage.close()
    },
  }
}

function tablesOfFile(db: DatabaseSync): Rows {
  return db
    .prepare(
      `SELECT t.name, c.name AS column_name FROM sqlite_schema t, pragma_table_info(t.name) c
         WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite%'`,
    )
    .all()
}

async function onPostgres(): Promise<Subject> {
  const url = await migratedDatabase()
  const { storage } = await openStorageAt(url, { pullChannels: [] })
  const database = await openQuietly(url)
  return {
    storage,
    schema: 'hermes.',
    run: (sql) => database.query(sql),
    columns: async () =>
      columnsOf(
        await database.query(
          `SELECT table_name AS name, column_name FROM information_schema.columns WHERE table_schema = 'hermes'`,
        ),
      ),
    async close() {
      await database.close()
      await storage.close()
    },
  }
}

function columnsOf(rows: Rows): ReadonlyMap<string, readonly string[]> {
  const groups = Map.groupBy(rows, ({ name }) => String(name))
  return new Map([...groups].map(([name, found]) => [name, found.map((row) => String(row['column_name']))]))
}

const RESERVED = {
  owner: 'gateway-1',
  conversationId: 'telegram:7',
  model: 'model-a',
  claims: [{ kind: 'person', key: 'person 1 anna', subject: 'telegram:anna', limit: 10, resetsAt: Infinity }],
  settles: [],
  isUnpriced: false,
  most: 5,
  least: 5,
} as const

/** A row of everything, all of it of one person, and none of it younger than the driver's clock. */
async function fill({ storage, schema, run }: Subject): Promise<Driver> {
  const driver = new Driver(storage)
  const context = { digest: 'd', system: null, turns: [], model: null, maxTokens: null, stop: [] }
  const attachments = [{ mediaType: 'text/plain', name: 'a', bytes: new Uint8Array(3) }]
  await driver.acceptOne(message('1', { attachments }))
  await driver.answer(await driver.mustLease(), 'answer', { summary: 'what was said', blocks: '[]' })
  const { item } = (await storage.outbox.head('telegram:7'))!
  await storage.outbox.receipt(item.id, 0, 'sent', false)
  const place = { channel: 'telegram', address: '7', platformMessageId: '2' }
  await driver.acceptOne({ kind: 'turned-away', ...place, reply: null })
  await driver.acceptOne(message('3', { context }))
  const lease = await driver.mustLease()
  await storage.inbox.saveStep(lease, { step: step(0, [call('c1')]), terms: '{}' }, driver.now)
  await driver.finish(lease, { kind: 'parked', reason: 'fails', notice: 'parked' })
  await storage.figures.add('answered', driver.now, 1)
  await storage.budgets.reserve({ ...RESERVED, turnId: lease.turnId, now: driver.now })
  await run(`INSERT INTO ${schema}pairings (channel, person_id, created_at, expires_at, answered_at)
    VALUES ('telegram', 'anna', 1, 1, 1)`)
  await run(`INSERT INTO ${schema}pairing_guesses (channel, at) VALUES ('telegram', 1)`)
  return driver
}

/** The tables that have rows. */
async function filled(names: readonly string[]): Promise<readonly string[]> {
  const counts = await Promise.all(
    names.map(
      async (name) => (await subject.run(`SELECT 1 AS one FROM ${subject.schema}${name} LIMIT 1`)).length,
    ),
  )
  return names.filter((_, index) => counts[index]! > 0)
}

/** Rows that name a message or a conversation that is not there, by their tables. */
async function orphans(): Promise<Readonly<Record<string, number>>> {
  const found: Record<string, number> = {}
  for (const [name, columns] of await subject.columns()) {
    for (const column of ['message', 'conversation']) {
      if (!columns.includes(column)) continue
      const [row] = await subject.run(
        `SELECT count(*) AS n FROM ${subject.schema}${name} t WHERE t.${column} IS NOT NULL AND NOT EXISTS
           (SELECT 1 FROM ${subject.schema}${column}s p WHERE p.key = t.${column})`,
      )
      if (row!['n'] !== 0) found[`${name}.${column}`] = Number(row!['n'])
    }
  }
  return found
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hermes-tables-'))
})
afterEach(async () => {
  await subject.close()
  rmSync(folder, { recursive: true })
})

describe.each([
  { name: 'SQLite', open: onSqlite },
  { name: 'PostgreSQL', open: onPostgres },
])('every table of $name', ({ open }) => {
  beforeEach(async () => {
    subject = await open()
  })

  test('is known here, and copied or not', async () => {
    const tables = [...(await subject.columns()).keys()]
    expect(tables.filter((table) => !(table in TABLES))).toEqual([])
    const copied = tablesWhere(({ copied }) => copied)
    expect(copied.toSorted()).toEqual(COPIED_TABLES.map((table) => table.name).toSorted())
    expect(copied.filter((table) => !tables.includes(table))).toEqual([])
  })

  test('is empty of a person who was deleted', async () => {
    await fill(subject)
    const personal = tablesWhere(({ deletedWith }) => deletedWith !== null)
    expect(await filled(personal)).toEqual(personal)
    await subject.storage.conversations.deletePerson('telegram', 'anna')
    expect(await filled(personal)).toEqual([])
  })

  test('holds nothing beyond its term', async () => {
    const driver = await fill(subject)
    const kept = tablesWhere(({ kept }) => kept === 'for its term' || kept === 'with its message')
    expect(await filled(kept)).toEqual(kept)
    await driver.drain()
    // As if the operator had dropped it and its steps had been left: they go with their message at the latest.
    await subject.run(`UPDATE ${subject.schema}messages SET state = 'withdrawn' WHERE state = 'parked'`)
    const before = driver.now + 60_001
    const terms = { messagesBefore: before, attachmentsBefore: before, figuresBefore: before }
    await subject.storage.conversations.retain(terms)
    expect(await filled(kept)).toEqual([])
  })

  test('refers to nothing that is gone, after a deletion, a move and a term', async () => {
    const driver = await fill(subject)
    const { conversations } = subject.storage
    await driver.acceptOne(message('4', { personId: 'ben' }))
    await driver.acceptOne(message('1', { address: '-7', personId: 'ben' }))
    const lease = await driver.mustLease('telegram:-7')
    await driver.storage.inbox.saveStep(lease, { step: step(0, [call('c1')]), terms: '{}' }, driver.now)
    await driver.acceptOne({ kind: 'moved', channel: 'telegram', from: '7', to: '-7' })
    expect(await orphans()).toEqual({})
    await conversations.deletePerson('telegram', 'anna')
    expect(await orphans()).toEqual({})
    const before = driver.now + 60_000
    await conversations.retain({ messagesBefore: before, attachmentsBefore: before, figuresBefore: before })
    expect(await orphans()).toEqual({})
    expect(await filled(['steps', 'calls'])).toEqual(['steps', 'calls'])
  })
})

test('every table of SQLite is in a backup with its rows', async () => {
  subject = await onSqlite()
  await fill(subject)
  const file = join(folder, 'copy.db')
  await subject.storage.backup(file)
  const copy = new DatabaseSync(file, { readOnly: true })
  try {
    const tables = [...(await subject.columns()).keys()]
    expect([...columnsOf(tablesOfFile(copy)).keys()]).toEqual(tables)
    for (const table of tables) {
      const rows = `SELECT * FROM ${table}`
      expect([table, copy.prepare(rows).all()]).toEqual([table, await subject.run(rows)])
    }
  } finally {
    copy.close()
  }
})
