import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { ConfigurationError, StoreError } from '../../../support/errors.ts'
import { openSqliteStorage } from '../storage.ts'
import { Session } from '../thread/session.ts'
import { migrate } from './migrate.ts'

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
