import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { call, step } from '../../../test/contracts/storage/journal.ts'
import { Driver, message } from '../../../test/contracts/storage/kit.ts'
import { StoreError } from '../../support/errors.ts'
import { openSqliteStorage, type SqliteStorage } from './storage.ts'

let folder: string
let path: string
let storage: SqliteStorage
let driver: Driver

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'hermes-upkeep-'))
  path = join(folder, 'hermes.db')
  storage = await openSqliteStorage({ path, pullChannels: ['web'] })
  driver = new Driver(storage)
})
afterEach(async () => {
  await storage.close()
  rmSync(folder, { recursive: true })
})

test('a backup made while messages arrive is whole and opens as a store', async () => {
  const file = join(folder, 'copy.db')
  await driver.acceptOne(message('before'))
  const arriving = Array.from({ length: 200 }, (_, index) => driver.acceptOne(message(String(index))))
  await Promise.all([storage.backup(file), ...arriving])
  const copy = await openSqliteStorage({ path: file, pullChannels: [] })
  try {
    expect(await copy.integrityCheck()).toEqual([])
    const texts = await new Driver(copy).transcript()
    expect(texts[0]).toBe('user received: text before')
  } finally {
    await copy.close()
  }
})

test('nobody but the owner may read the database, its log or a backup', async () => {
  await driver.acceptOne(message('1'))
  await storage.backup(join(folder, 'copy.db'))
  const modes = readdirSync(folder).map((name) => [name, statSync(join(folder, name)).mode & 0o777])
  expect(modes.length).toBeGreaterThanOrEqual(3)
  expect(modes).toEqual(modes.map(([name]) => [name, 0o600]))
})

test('a backup never overwrites a file', async () => {
  const file = join(folder, 'precious')
  writeFileSync(file, 'precious')
  await expect(storage.backup(file)).rejects.toBeInstanceOf(StoreError)
  expect(readFileSync(file, 'utf8')).toBe('precious')
  await expect(storage.backup(join(folder, 'no', 'such', 'folder'))).rejects.toBeInstanceOf(StoreError)
})

test('a command that runs with the gateway sees what it wrote, and the gateway what the command wrote', async () => {
  const [first] = await driver.accept([message('1'), message('2')])
  const command = await openSqliteStorage({ path, pullChannels: ['web'] })
  try {
    expect(await command.inbox.drop(first!.messageId!, driver.now)).toBe('telegram:7')
    expect((await driver.mustLease()).messages[0]!.text).toBe('text 2')
    await new Driver(command).acceptOne(message('3'))
    await driver.acceptOne(message('4'))
    const rows = await command.conversations.changes('telegram:7', 0, 99)
    expect(new Set(rows.map((row) => row.revision)).size).toBe(rows.length)
    expect(rows.at(-1)).toMatchObject({ text: 'text 4' })
  } finally {
    await command.close()
  }
})

test('closing waits for what was called before, and refuses what comes after', async () => {
  const last = driver.acceptOne(message('1'))
  const closing = storage.close()
  await expect(driver.acceptOne(message('2'))).rejects.toBeInstanceOf(StoreError)
  expect(await last).toMatchObject({ state: 'received' })
  await closing
  expect(existsSync(`${path}-wal`)).toBe(false)
})

test('what a person wrote is in no file of the home after it was deleted', async () => {
  const word = 'unforgettable'
  const attachments = [{ mediaType: 'text/plain', name: 'a', bytes: Buffer.from(`${word} bytes`) }]
  await driver.accept([message('1', { text: `${word} words`, attachments })])
  const calls = [call('c1', { input: `"${word} input"` })]
  const first = await driver.mustLease()
  await storage.inbox.saveStep(first, { step: step(0, calls), terms: `"${word} terms"` }, driver.now)
  await driver.answer(first, `${word} answer`, { blocks: `["${word} blocks"]` })
  await driver.acceptOne(message('2'))
  const lease = await driver.mustLease()
  const stored = step(0, [call('c1')], `"${word} response"`)
  await storage.inbox.saveStep(lease, { step: stored, terms: null }, driver.now)
  await storage.inbox.saveResult(lease, { index: 0, callId: 'c1', result: `"${word} result"` }, driver.now)
  expect(filesWith(word)).not.toEqual([])
  await storage.conversations.deletePerson('telegram', 'anna')
  expect(filesWith(word)).toEqual([])
})

function filesWith(word: string): readonly string[] {
  return readdirSync(folder).filter((name) => readFileSync(join(folder, name)).includes(word))
}

test('a secret in the text of an error does not reach the database', async () => {
  const token = `sk-ant-oat01-TEST-${'x'.repeat(30)}`
  await driver.acceptOne(message('1'))
  await driver.finish(await driver.mustLease(), {
    kind: 'parked',
    reason: `refused ${token}`,
    notice: 'parked',
  })
  const [row] = await storage.inbox.queue({ states: ['parked'], limit: 1 })
  expect(row!.reason).not.toContain(token)
})

test('any text comes back as it was sent', async () => {
  const texts = ['', 'zero \0 inside', '🙂 and עברית', 'quote \' " \\ \n\t', '\u2028', '{"json": [null]}']
  for (const [index, text] of texts.entries()) {
    await driver.acceptOne(message(String(index), { text }))
    const lease = await driver.mustLease()
    expect(lease.messages[0]!.text).toBe(text)
    await driver.answer(lease, text)
  }
  await driver.acceptOne(message('last'))
  const { history } = await driver.mustLease()
  expect(history.map((row) => row.text)).toEqual(texts.flatMap((text) => [text, text]))
})

test('sizes are told without reading the whole database', async () => {
  await driver.accept([message('1'), message('2')])
  expect(await storage.sizeInfo()).toMatchObject({ messages: 2 })
  expect((await storage.sizeInfo()).databaseBytes).toBeGreaterThan(10_000)
  expect(await storage.freeBytes()).toBeGreaterThan(0)
})

test('a store that cannot be opened says so', async () => {
  await expect(openSqliteStorage({ path: folder, pullChannels: [] })).rejects.toBeInstanceOf(StoreError)
  const text = join(folder, 'text')
  writeFileSync(text, 'this is no database, whatever its name may be'.repeat(100))
  await expect(openSqliteStorage({ path: text, pullChannels: [] })).rejects.toBeInstanceOf(StoreError)
})
