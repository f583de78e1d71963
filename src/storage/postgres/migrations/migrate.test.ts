import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { Client } from 'pg'
import { beforeEach, expect, test, vi } from 'vitest'
import { Driver } from '../../../../test/contracts/storage/kit.ts'
import { openStorageAt } from '../../../../test/support/stores/postgres-storage.ts'
import { freshDatabase } from '../../../../test/support/stores/postgres.ts'
import { pause } from '../../../../test/support/until.ts'
import { NO_JOURNAL } from '../../../inbox/step.ts'
import { ConfigurationError } from '../../../support/errors.ts'
import { Secret } from '../../../support/secret.ts'
import { MIGRATIONS } from './all.ts'
import { migrate, schemaState } from './migrate.ts'
import type { Migration } from './migration.ts'

const step = (number: number, sql: string, oldestProgram = '0.1.0'): Migration => ({
  number,
  name: `step-${number}`,
  sql,
  oldestProgram,
})
const FIRST = step(1, 'CREATE TABLE hermes.notes (text text)')
const SECOND = step(2, `ALTER TABLE hermes.notes ADD COLUMN at bigint NOT NULL DEFAULT 0`)
const BROKEN = step(3, 'CREATE TABLE hermes.more (); CREATE TABLE hermes.notes ()')

let address: string
let url: Secret
beforeEach(async () => {
  address = await freshDatabase()
  url = new Secret(address)
})

async function read(sql: string): Promise<readonly unknown[]> {
  const client = new Client({ connectionString: address })
  await client.connect()
  try {
    return (await client.query(sql)).rows as unknown[]
  } finally {
    await client.end()
  }
}

test('steps are taken once, in order, and keep what is there', async () => {
  expect(await migrate({ url, migrations: [FIRST] })).toEqual(['001-step-1'])
  await read(`INSERT INTO hermes.notes VALUES ('kept')`)
  expect(await schemaState(url, [FIRST, SECOND])).toMatchObject({ missing: ['002-step-2'], unknown: [] })
  expect(await migrate({ url, migrations: [FIRST, SECOND] })).toEqual(['002-step-2'])
  expect(await migrate({ url, migrations: [FIRST, SECOND] })).toEqual([])
  expect(await read('SELECT text, at FROM hermes.notes')).toEqual([{ text: 'kept', at: '0' }])
})

test('a step that fails leaves nothing behind, and the next attempt continues from there', async () => {
  await expect(migrate({ url, migrations: [FIRST, BROKEN] })).rejects.toThrow('already exists')
  expect((await schemaState(url, [FIRST, BROKEN])).missing).toEqual(['003-step-3'])
  expect(await read(`SELECT to_regclass('hermes.more') AS more`)).toEqual([{ more: null }])
  expect(await migrate({ url, migrations: [FIRST, SECOND] })).toEqual(['002-step-2'])
})

test('many processes at once apply each step once, and the work that comes with it never runs twice at the same time', async () => {
  let running = 0
  const also = async () => {
    expect(++running).toBe(1)
    // The work takes its time, so that two would meet.
    await pause(5)
    running--
  }
  const taken = await Promise.all(
    Array.from({ length: 8 }, () => migrate({ url, migrations: [FIRST, SECOND], also })),
  )
  expect(taken.flat()).toEqual(['001-step-1', '002-step-2'])
})

test('processes that start together on an empty database all come through', async () => {
  const script = `
    import { migrate } from ${JSON.stringify(new URL('./migrate.ts', import.meta.url).href)}
    import { Secret } from ${JSON.stringify(new URL('../../../support/secret.ts', import.meta.url).href)}
    await migrate({ url: new Secret(process.env.TEST_URL) })`
  const exits = Array.from({ length: 3 }, async () => {
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      env: { TEST_URL: address },
      stdio: 'inherit',
    })
    const [code] = (await once(child, 'exit')) as [number | null]
    return code
  })
  expect(await Promise.all(exits)).toEqual([0, 0, 0])
  expect((await schemaState(url)).missing).toEqual([])
  expect(await read('SELECT number FROM hermes.migrations')).toHaveLength(MIGRATIONS.length)
})

test('each step has the number of its place', () => {
  expect(MIGRATIONS.map(({ number }) => number)).toEqual(MIGRATIONS.map((_, index) => index + 1))
})

test('a database from before the steps of turns works after its migration', async () => {
  await migrate({ url, migrations: MIGRATIONS.slice(0, 5) })
  await read(`INSERT INTO hermes.conversations (id, channel, address, next_seq, last_at)
    VALUES ('telegram:7', 'telegram', '7', 4, 1)`)
  await read(`INSERT INTO hermes.messages (id, conversation, seq, revision, role, state, text, at, history_seq)
    SELECT v.id, c.key, v.seq, v.seq, v.role, v.state, v.text, 1, v.place FROM hermes.conversations c, (VALUES
      ('a', 1, 'user', 'answered', 'before', 2), ('b', 2, 'assistant', 'answered', 'answer', 2),
      ('c', 3, 'user', 'held', 'waits', NULL)) AS v (id, seq, role, state, text, place)`)
  expect(await migrate({ url })).toEqual(['006-steps', '007-about', '008-costs', '009-budgets'])
  const { storage } = await openStorageAt(address)
  try {
    const driver = new Driver(storage)
    const lease = await driver.mustLease()
    expect(lease).toMatchObject({ journal: NO_JOURNAL, messages: [{ text: 'waits' }] })
    expect(lease.history.map(({ blocks }) => blocks)).toEqual([null, null])
    const step = { index: 0, response: '{}', maxTokens: 1, calls: [] }
    expect(await storage.inbox.saveStep(lease, { step, terms: '{}' }, driver.now)).toBe(true)
    expect(await driver.answer(lease)).toBe(true)
  } finally {
    await storage.close()
  }
})

test('a database of a newer program is used as long as it says so, and refused from then on', async () => {
  const ahead = step(2, 'CREATE TABLE hermes.later ()', '1.2.0')
  await migrate({ url, migrations: [FIRST, ahead], version: '1.3.0' })
  expect(await migrate({ url, migrations: [FIRST], version: '1.2.0' })).toEqual([])
  expect(await migrate({ url, migrations: [FIRST], version: '1.2.0-rc.1' })).toEqual([])
  const refused = migrate({ url, migrations: [FIRST], version: '1.1.9' })
  await expect(refused).rejects.toBeInstanceOf(ConfigurationError)
  await expect(refused).rejects.toThrow(/newer hermes .*1\.2\.0/)
  expect(await schemaState(url, [FIRST])).toMatchObject({ unknown: ['002-step-2'], oldestProgram: '1.2.0' })
})

test('an empty database is told as such', async () => {
  expect(await schemaState(url, [FIRST])).toEqual({
    missing: ['001-step-1'],
    unknown: [],
    oldestProgram: null,
  })
})

test('a step that gets into a deadlock with running processes is retried', async () => {
  const hot = step(4, 'CREATE TABLE hermes.first (); CREATE TABLE hermes.second ()')
  await migrate({ url, migrations: [hot] })
  await read(
    `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET deadlock_timeout = 500', current_database()); END $$`,
  )
  const worker = new Client({ connectionString: address })
  await worker.connect()
  try {
    // The server picks the session that detects the deadlock.
    await worker.query('SET deadlock_timeout = 60000; BEGIN; LOCK TABLE hermes.second')
    const both = step(
      5,
      'ALTER TABLE hermes.first ADD COLUMN at int; ALTER TABLE hermes.second ADD COLUMN at int',
    )
    const migrating = migrate({ url, migrations: [hot, both] })
    await vi.waitUntil(
      async () =>
        (await read(`SELECT 1 FROM pg_locks WHERE NOT granted AND mode = 'AccessExclusiveLock'`)).length > 0,
      { timeout: 10_000 },
    )
    await worker.query('LOCK TABLE hermes.first')
    await worker.query('COMMIT')
    expect(await migrating).toEqual(['005-step-5'])
  } finally {
    await worker.end()
  }
})
