import { afterAll, inject } from 'vitest'
import { Client } from 'pg'

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
  const name = `test_${crypto.randomUUID().replaceAll('-', '').slice(0, 16)}`
  await admin(`CREATE DATABASE ${name}`)
  made.push(name)
  const url = new URL(inject('postgresUrl'))
  url.pathname = `/${name}`
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
