import { Client } from 'pg'
import { afterAll, inject } from 'vitest'

/** One server for a whole run of the tests; each test file makes databases of its own on it. */

declare module 'vitest' {
  interface ProvidedContext {
    /** The address of the maintenance database. */
    postgresUrl: string
  }
}

const made: string[] = []

/** An empty database of this test file, dropped after it. @returns its address */
export async function freshDatabase(): Promise<string> {
  const name = newName()
  await admin(`CREATE DATABASE ${name}`)
  made.push(name)
  return urlOf(name)
}

/**
 * As `freshDatabase`, with the content of the database of this name. It is made once per run, on first use.
 */
export async function copyOfDatabase(
  template: string,
  make: (url: string) => Promise<void>,
): Promise<string> {
  const client = new Client({ connectionString: inject('postgresUrl') })
  await client.connect()
  try {
    // One at a time: a database that somebody is connected to cannot be copied.
    await client.query('SELECT pg_advisory_lock(hashtext($1))', [template])
    const { rowCount } = await client.query('SELECT FROM pg_database WHERE datname = $1', [template])
    if (!rowCount) {
      await client.query(`CREATE DATABASE ${template}`)
      await make(urlOf(template))
    }
    const name = newName()
    await client.query(`CREATE DATABASE ${name} TEMPLATE ${template}`)
    made.push(name)
    return urlOf(name)
  } finally {
    await client.end()
  }
}

function newName(): string {
  return `test_${crypto.randomUUID().replaceAll('-', '').slice(0, 16)}`
}

function urlOf(database: string): string {
  const url = new URL(inject('postgresUrl'))
  url.pathname = `/${database}`
  return url.href
}

/** Runs one statement as the owner of the server. */
export async function admin(sql: string): Promise<void> {
  const client = new Client({ connectionString: inject('postgresUrl') })
  await client.connect()
  try {
    await client.query(sql)
  } finally {
    await client.end()
  }
}

afterAll(async () => {
  for (const name of made.splice(0)) await admin(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)
})
