import { afterEach, beforeEach, describe, expect, inject, test, vi } from 'vitest'
import { TcpProxy } from '../../../../test/support/processes/tcp-proxy.ts'
import {
  startPgBouncer,
  whyWithoutPgBouncer,
  withoutPgBouncer,
} from '../../../../test/support/stores/pgbouncer.ts'
import { freshDatabase } from '../../../../test/support/stores/postgres.ts'
import { pause } from '../../../../test/support/until.ts'
import { systemClock } from '../../../support/clock.ts'
import { ConfigurationError, StoreError } from '../../../support/errors.ts'
import { createLog } from '../../../support/log.ts'
import { Secret } from '../../../support/secret.ts'
import { openDatabase, type Database } from './database.ts'
import { clean, json } from './statements.ts'

const log = await createLog({ level: 'silent' })
const open = (url: string, over: { connections?: number; statementMs?: number } = {}) =>
  openDatabase({ url: new Secret(url), clock: systemClock, log, onProblem: () => {}, ...over })

let url: string
let database: Database
let proxy: TcpProxy

beforeEach(async () => {
  url = await freshDatabase()
  proxy = await TcpProxy.to(Number(new URL(url).port))
  const through = new URL(url)
  through.port = String(proxy.port)
  database = await open(through.href, { statementMs: 1_000 })
  await database.query('CREATE TABLE notes (key int PRIMARY KEY, number bigint NOT NULL, text text)')
})
afterEach(async () => {
  await database.close()
  await proxy[Symbol.asyncDispose]()
})

test('whole numbers of eight bytes and bytes come back as they were given', async () => {
  const number = Date.UTC(2026, 10, 22)
  await database.query('INSERT INTO notes VALUES (1, $1, $2)', [number, 'zwölf'])
  expect(await database.query('SELECT number, text FROM notes')).toEqual([{ number, text: 'zwölf' }])
  const bytes = Buffer.from([0, 1, 255])
  const [row] = await database.query<{ bytes: Buffer }>('SELECT $1::bytea AS bytes', [bytes])
  expect(row!.bytes.equals(bytes)).toBe(true)
})

test('several commands may come in one text, and give all their rows', async () => {
  const both = `SELECT 1 AS one; SELECT 2 AS two`
  expect(await database.query(both)).toEqual([{ one: 1 }, { two: 2 }])
  expect(await database.transaction((tx) => tx.query(both))).toHaveLength(2)
})

test('any text can be stored', async () => {
  const odd = 'zero \0 and half \ud83d a "quote"'
  const [row] = await database.query<{ text: string; part: string }>(
    `SELECT $1::text AS text, $2::json ->> 'part' AS part`,
    [clean(odd), json({ part: odd })],
  )
  expect(row).toEqual({ text: clean(odd), part: clean(odd) })
  expect(clean(odd)).toBe('zero ␀ and half \ufffd a "quote"')
  expect(clean('🙂 \\u0000')).toBe('🙂 \\u0000')
})

test('a transaction that throws changes nothing, and its connection is good for the next', async () => {
  const failed = database.transaction(async (tx) => {
    await tx.query('INSERT INTO notes VALUES (1, 1)')
    throw new Error('changed my mind')
  })
  await expect(failed).rejects.toThrow('changed my mind')
  const broken = database.transaction(async (tx) => {
    await tx.query('INSERT INTO notes VALUES (1, 1)')
    await tx.last('INSERT INTO notes VALUES (2, NULL)')
  })
  await expect(broken).rejects.toMatchObject({ name: 'RowRefused', code: '23502' })
  expect(await database.query('SELECT key FROM notes')).toEqual([])
  await database.transaction((tx) => tx.last('INSERT INTO notes VALUES (1, 1)'))
  expect(await database.query('SELECT key FROM notes')).toEqual([{ key: 1 }])
})

test('of statements that were sent together the one that failed is told, not one behind it', async () => {
  const later = async (result: Promise<unknown>) => {
    for (let turn = 0; turn < 10; turn++) await Promise.resolve()
    await result.finally(() => Promise.resolve())
  }
  const failed = database.transaction(async (tx) => {
    const first = later(tx.query('INSERT INTO notes VALUES (1, NULL)'))
    await Promise.all([first, tx.query('INSERT INTO notes VALUES (2, 2)')])
  })
  await expect(failed).rejects.toMatchObject({ code: '23502' })
})

test('a transaction in a deadlock is tried again, and both come through', async () => {
  await database.query('INSERT INTO notes VALUES (1, 0), (2, 0)')
  let tries = 0
  const other = Promise.withResolvers<void>()
  const add = (first: number, second: number, meet: () => Promise<void>) =>
    database.transaction(async (tx) => {
      tries++
      await tx.query('UPDATE notes SET number = number + 1 WHERE key = $1', [first])
      await meet()
      await tx.query('UPDATE notes SET number = number + 1 WHERE key = $1', [second])
    })
  let arrived = 0
  const meet = () => {
    if (++arrived === 2) other.resolve()
    return other.promise
  }
  // The server looks for deadlocks after a second, and a statement has a second here.
  await database.close()
  database = await open(url)
  await Promise.all([add(1, 2, meet), add(2, 1, meet)])
  expect(await database.query('SELECT number FROM notes')).toEqual([{ number: 2 }, { number: 2 }])
  // At least one was tried again; it may meet the other one once more.
  expect(tries).toBeGreaterThanOrEqual(3)
})

test('what the database says of itself is a store error that names it', async () => {
  const name = new URL(url).pathname.slice(1)
  await expect(database.query('SELECT pg_sleep(5)')).rejects.toThrow(/took too long/)
  await database.query(`ALTER DATABASE ${name} SET default_transaction_read_only = on`)
  const readOnly = await open(url)
  try {
    const refused = readOnly.query('INSERT INTO notes VALUES (1, 1)')
    await expect(refused).rejects.toBeInstanceOf(StoreError)
    await expect(refused).rejects.toThrow(/read-only/)
  } finally {
    await readOnly.close()
  }
})

test('after a cut everything works again with the next call', async () => {
  proxy.line = 'refused'
  const failed = database.query('SELECT 1')
  await expect(failed).rejects.toBeInstanceOf(StoreError)
  proxy.line = 'open'
  expect(await database.query('SELECT 1 AS one')).toEqual([{ one: 1 }])
})

test('a line that has fallen silent is given up in time, and is not used again', async () => {
  proxy.line = 'silent'
  const start = performance.now()
  await expect(database.query('SELECT 1')).rejects.toBeInstanceOf(StoreError)
  await expect(database.transaction((tx) => tx.query('SELECT 1'))).rejects.toBeInstanceOf(StoreError)
  expect(performance.now() - start).toBeLessThan(12_000)
  proxy.line = 'open'
  expect(await database.query('SELECT 1 AS one')).toEqual([{ one: 1 }])
})

test('notifications arrive, and after a lost connection somebody is told that some may be missing', async () => {
  const heard: string[] = []
  using _ = database.listen('Some Channel', (payload) => void heard.push(payload))
  await vi.waitFor(() => expect(heard).toEqual(['']), 5_000)
  await database.query(`SELECT pg_notify('Some Channel', 'one')`)
  await vi.waitFor(() => expect(heard).toEqual(['', 'one']), 5_000)
  proxy.line = 'refused'
  // Long enough for the listener to be refused.
  await pause(50)
  proxy.line = 'open'
  await vi.waitFor(() => expect(heard).toEqual(['', 'one', '']), 10_000)
  await database.query(`SELECT pg_notify('Some Channel', 'two')`)
  await vi.waitFor(() => expect(heard).toEqual(['', 'one', '', 'two']), 5_000)
})

test('a listener’s silent line is noticed without traffic', async () => {
  const heard: string[] = []
  using _ = database.listen('quiet', (payload) => void heard.push(payload))
  await vi.waitFor(() => expect(heard).toEqual(['']), 5_000)
  proxy.line = 'silent'
  // Whatever was under way when the line went silent is over.
  await pause(20)
  const before = proxy.connections
  await vi.waitFor(() => expect(proxy.connections).toBeGreaterThan(before), 10_000)
  proxy.line = 'open'
  await vi.waitFor(() => expect(heard).toEqual(['', '']), 15_000)
})

test('a closed database refuses what comes after', async () => {
  await database.close()
  await expect(database.query('SELECT 1')).rejects.toThrow('closed')
})

describe('the address', () => {
  const PASSWORD = 'TEST-password-of-the-database'

  test('never appears in an error', async () => {
    const bad = [
      `postgres://hermes:${PASSWORD}@127.0.0.1:1/none`,
      `postgres://hermes:${PASSWORD}@127.0.0.1:${new URL(url).port}/there_is_none`,
      `postgres://hermes:${PASSWORD}@[broken/none`,
    ]
    for (const address of bad) {
      const error = await open(address).catch((error: unknown) => error as Error)
      expect(error).toBeInstanceOf(Error)
      expect(JSON.stringify([String(error), { ...error }, String((error as Error).cause)])).not.toContain(
        PASSWORD,
      )
    }
  })

  test('of a database that does not exist is a mistake; of one that does not answer is trouble', async () => {
    await expect(open(`${inject('postgresUrl')}_no_such`)).rejects.toBeInstanceOf(ConfigurationError)
    await expect(open('postgres://hermes@127.0.0.1:1/none')).rejects.toBeInstanceOf(StoreError)
  })
})

describe.skipIf(withoutPgBouncer)(`a pooler in between${whyWithoutPgBouncer}`, () => {
  test.each([
    ['transaction', {}],
    ['transaction', { default_pool_size: '1' }],
    ['transaction', { server_round_robin: '1' }],
    ['statement', {}],
  ])('is refused with its reason in %s mode with %o', async (mode, settings) => {
    await using bouncer = await startPgBouncer(url, { pool_mode: mode, ...settings })
    const opened = open(bouncer.url)
    await expect(opened).rejects.toBeInstanceOf(ConfigurationError)
    await expect(opened).rejects.toThrow(/pool_mode/)
  })

  test('is welcome where each client keeps its session', async () => {
    await using bouncer = await startPgBouncer(url, { pool_mode: 'session' })
    const pooled = await open(bouncer.url)
    const heard: string[] = []
    using _ = pooled.listen('through', (payload) => void heard.push(payload))
    await vi.waitFor(() => expect(heard).toEqual(['']), 5_000)
    await pooled.transaction((tx) => tx.query('INSERT INTO notes VALUES (1, 1)'))
    await pooled.query(`SELECT pg_notify('through', 'one')`)
    await vi.waitFor(() => expect(heard).toEqual(['', 'one']), 5_000)
    await pooled.close()
  })
})
