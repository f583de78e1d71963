import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Driver } from '../../../../test/contracts/storage/kit.ts'
import { NO_JOURNAL } from '../../../inbox/step.ts'
import { ConfigurationError, StoreError } from '../../../support/errors.ts'
import { openSqliteStorage } from '../storage.ts'
import { Session } from '../thread/session.ts'
import { migrate } from './migrate.ts'
import { MIGRATIONS } from './schema.ts'

let folder: string
let path: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hermes-migrate-'))
  path = join(folder, 'hermes.db')
})
afterEach(() => rmSync(folder, { recursive: true }))

const FIRST = 'CREATE TABLE notes (text TEXT)'
const SECOND = `ALTER TABLE notes ADD COLUMN at INTEGER NOT NULL DEFAULT 0`

function withDatabase<T>(file: string, work: (db: DatabaseSync) => T): T {
  const db = new DatabaseSync(file)
  try {
    return work(db)
  } finally {
    db.close()
  }
}

const version = (db: DatabaseSync) => db.prepare('PRAGMA user_version').get()?.['user_version']

test('a new database is made without a copy', () => {
  const copy = withDatabase(path, (db) => migrate(db, path, [FIRST, SECOND]))
  expect(copy).toBeNull()
  expect(withDatabase(path, version)).toBe(2)
})

test('an old database is copied first and then brought forward with what is in it', () => {
  withDatabase(path, (db) => {
    migrate(db, path, [FIRST])
    db.exec(`INSERT INTO notes VALUES ('kept')`)
  })
  const copy = withDatabase(path, (db) => migrate(db, path, [FIRST, SECOND]))
  expect(copy).toBe(`${path}.backup-v1`)
  const read = (db: DatabaseSync) => [version(db), { ...db.prepare('SELECT * FROM notes').get() }]
  expect(withDatabase(path, read)).toEqual([2, { text: 'kept', at: 0 }])
  expect(withDatabase(copy!, read)).toEqual([1, { text: 'kept' }])
  expect(withDatabase(path, (db) => migrate(db, path, [FIRST, SECOND]))).toBeNull()
})

test('a step that fails leaves the old version, and the next attempt makes a new copy', () => {
  withDatabase(path, (db) => migrate(db, path, [FIRST]))
  const broken = [FIRST, SECOND, 'CREATE TABLE notes (text TEXT)']
  expect(() => withDatabase(path, (db) => migrate(db, path, broken))).toThrow('already exists')
  expect(withDatabase(path, version)).toBe(1)
  expect(withDatabase(path, (db) => migrate(db, path, [FIRST, SECOND]))).toBe(`${path}.backup-v1`)
})

test('a home from before the steps of turns opens, and its messages are answered', async () => {
  const before = 3
  withDatabase(path, (db) => {
    migrate(db, path, MIGRATIONS.slice(0, before))
    db.exec(
      `INSERT INTO conversations (id, channel, address, next_seq, last_at) VALUES ('telegram:7', 'telegram', '7', 4, 1)`,
    )
    db.exec(`INSERT INTO addresses (channel, address, conversation) VALUES ('telegram', '7', 1)`)
    const columns = 'id, conversation, seq, revision, role, state, text, at, history_seq'
    db.exec(`INSERT INTO messages (${columns}) VALUES ('a', 1, 1, 1, 'user', 'answered', 'before', 1, 2),
      ('b', 1, 2, 2, 'assistant', 'answered', 'answer', 1, 2), ('c', 1, 3, 3, 'user', 'held', 'waits', 1, NULL)`)
  })
  const driver = new Driver(await openSqliteStorage({ path, pullChannels: [] }))
  try {
    const lease = await driver.mustLease()
    expect(lease).toMatchObject({ journal: NO_JOURNAL, messages: [{ text: 'waits' }] })
    expect(lease.history.map(({ text, blocks }) => [text, blocks])).toEqual([
      ['before', null],
      ['answer', null],
    ])
    const step = { index: 0, response: '{}', maxTokens: 1, calls: [] }
    expect(await driver.storage.inbox.saveStep(lease, { step, terms: '{}' }, driver.now)).toBe(true)
    expect(await driver.answer(lease)).toBe(true)
    expect(existsSync(`${path}.backup-v${before}`)).toBe(true)
  } finally {
    await driver.storage.close()
  }
})

test('a database of a newer program is refused, and not touched', async () => {
  await (await openSqliteStorage({ path, pullChannels: [] })).close()
  withDatabase(path, (db) => db.exec('PRAGMA user_version = 999'))
  const opened = openSqliteStorage({ path, pullChannels: [] })
  await expect(opened).rejects.toBeInstanceOf(ConfigurationError)
  await expect(opened).rejects.toThrow(/newer hermes \(database version 999/)
  expect(withDatabase(path, version)).toBe(999)
  expect(existsSync(`${path}.backup-v999`)).toBe(false)
})

test('a damaged file is named, left as it is', () => {
  writeFileSync(path, 'not a database at all, but long enough to look like the beginning of one')
  const before = readFileSync(path, 'utf8')
  expect(() => new Session({ path, pullChannels: [] })).toThrow(StoreError)
  expect(() => new Session({ path, pullChannels: [] })).toThrow(`${path} is damaged`)
  expect(readFileSync(path, 'utf8')).toBe(before)
})

test.each([0, 1, 22])(
  'a database of another program, at its version %i, is named and left as it is',
  (foreignVersion) => {
    withDatabase(path, (db) => db.exec(`CREATE TABLE sessions (id); PRAGMA user_version = ${foreignVersion}`))
    const before = readFileSync(path)
    const open = () => new Session({ path, pullChannels: [] })
    expect(open).toThrow(ConfigurationError)
    expect(open).toThrow(`${path} is another program's database`)
    expect(readFileSync(path).equals(before)).toBe(true)
  },
)
