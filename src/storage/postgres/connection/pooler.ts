import { randomUUID } from 'node:crypto'
import type { Client, ClientConfig } from 'pg'
import { SECOND } from '../../../support/clock.ts'
import { ConfigurationError } from '../../../support/errors.ts'
import { DatabaseClient } from './client.ts'

/** Sessions opened at once: one of them gets the connection that another has just used. */
const SESSIONS = 4
const ROUNDS = 3
/** A pool of one connection lets the second session wait for it. */
const ANSWER_WITHIN_MS = 2 * SECOND

const REFUSAL =
  'storage.url: a connection pooler stands before PostgreSQL and gives each transaction another session ' +
  '(PgBouncer calls it pool_mode = transaction). Notifications and locks cannot work through it: connect to ' +
  'PostgreSQL itself, or let the pooler keep a session for each client (pool_mode = session).'

/**
 * Checks that each client keeps its own session: a setting made by one must be invisible to the others, and
 * still be there for itself.
 *
 * @throws ConfigurationError where sessions are shared
 */
export async function refuseTransactionPooler(settings: ClientConfig): Promise<void> {
  const clients: Client[] = []
  try {
    for (let index = 0; index < SESSIONS; index++) {
      const client = new DatabaseClient({ ...settings, query_timeout: ANSWER_WITHIN_MS })
      client.on('error', () => {})
      clients.push(client)
      await client.connect()
    }
    for (let round = 0; round < ROUNDS; round++) {
      if (!(await keepsSessions(clients).catch(() => false))) throw new ConfigurationError(REFUSAL)
    }
  } finally {
    await Promise.allSettled(clients.map((client) => client.end()))
  }
}

async function keepsSessions(clients: readonly Client[]): Promise<boolean> {
  const marks = clients.map(() => randomUUID())
  for (const [index, client] of clients.entries()) {
    await client.query(`SET hermes.session = '${marks[index]}'`)
    const mark = await markOf(client)
    if (mark !== marks[index]) return false
  }
  // Each session acquires a connection and keeps it, so that the next one gets another.
  let kept = true
  for (const [index, client] of clients.entries()) {
    await client.query('BEGIN')
    kept &&= (await markOf(client)) === marks[index]
    if (!kept) break
  }
  await Promise.allSettled(clients.map((client) => client.query('ROLLBACK')))
  return kept
}

/** null: the session does not know it, or does not answer because another one has its connection. */
async function markOf(client: Client): Promise<string | null> {
  try {
    const { rows } = await client.query<{ mark: string | null }>(
      `SELECT current_setting('hermes.session', true) AS mark`,
    )
    return rows[0]?.mark ?? null
  } catch {
    return null
  }
}
