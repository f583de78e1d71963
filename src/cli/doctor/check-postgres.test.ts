import { expect, test } from 'vitest'
import { migratedDatabase } from '../../../test/support/stores/postgres-storage.ts'
import { admin, freshDatabase } from '../../../test/support/stores/postgres.ts'
import { Secret } from '../../support/secret.ts'
import { checkPostgres } from './check-postgres.ts'

const check = (url: string) => checkPostgres(new Secret(url))

test('a database that is ready, and one that the next start migrates', async () => {
  expect(await check(await migratedDatabase())).toMatchObject([
    { id: 'database', level: 'ok', message: expect.stringMatching(/: ready$/) },
  ])
  expect(await check(await freshDatabase())).toMatchObject([
    { id: 'database', level: 'ok', message: expect.stringContaining('the next start migrates it to') },
  ])
})

test('a database that is spoken to in the clear is named', async () => {
  const address = new URL(await migratedDatabase())
  // This machine under a name that is not known to be it.
  address.hostname = '127.1'
  address.searchParams.set('sslmode', 'disable')
  expect(await check(address.href)).toMatchObject([
    { id: 'database', level: 'ok' },
    { id: 'database.transport', level: 'warning', message: expect.stringContaining('127.1 unencrypted') },
  ])
})

test('a server that does not answer is an error', async () => {
  expect(await check('postgres://hermes:TEST-password@127.0.0.1:1/none')).toMatchObject([
    { id: 'database.reach', level: 'error', message: expect.not.stringContaining('TEST-password') },
  ])
})

test('a database that does not exist is a mistake of the configuration', async () => {
  expect(await check(`${await freshDatabase()}_not`)).toMatchObject([
    { id: 'database.reach', level: 'error', kind: 'configuration' },
  ])
})

test('a read-only database is reported', async () => {
  const url = await migratedDatabase()
  await admin(`ALTER DATABASE ${new URL(url).pathname.slice(1)} SET default_transaction_read_only = on`)
  expect(await check(url)).toMatchObject([{ id: 'database.read-only', level: 'error' }])
})

test('a user who may not write our tables is named as the cause', async () => {
  const url = new URL(await migratedDatabase())
  const role = `reader_${url.pathname.slice(-8)}`
  await admin(`CREATE ROLE ${role} LOGIN`)
  try {
    url.username = role
    expect(await check(url.href)).toMatchObject([
      {
        id: 'database.permission',
        level: 'error',
        kind: 'configuration',
        message: expect.stringContaining('may not read and write hermes.addresses'),
      },
    ])
  } finally {
    await admin(`DROP ROLE ${role}`)
  }
})
