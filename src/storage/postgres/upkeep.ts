import type { SizeInfo } from '../storage.ts'
import type { Database, Queryable } from './connection/database.ts'

/** Figures for `hermes status` and `hermes doctor`. */
export async function sizes(db: Queryable): Promise<SizeInfo> {
  const [row] = await db.query<SizeInfo>(
    // The highest key: counting a million rows takes too long for a status.
    `SELECT coalesce((SELECT max(key) FROM hermes.messages), 0) AS messages,
       pg_database_size(current_database()) AS "databaseBytes"`,
  )
  return row!
}

/** What must hold between the tables; the server checks its pages itself. */
const RULES: ReadonlyArray<readonly [problem: string, count: string]> = [
  [
    'messages without a conversation',
    `SELECT count(*) AS n FROM hermes.messages m
       WHERE NOT EXISTS (SELECT 1 FROM hermes.conversations c WHERE c.key = m.conversation)`,
  ],
  [
    'messages in the hands of nobody',
    `SELECT count(*) AS n FROM hermes.messages m JOIN hermes.conversations c ON c.key = m.conversation
       WHERE m.state IN ('received', 'answering', 'held') AND m.state = 'answering' AND c.lease_turn IS NULL`,
  ],
  [
    'things to send without a text',
    `SELECT count(*) AS n FROM hermes.outbox o
       WHERE NOT EXISTS (SELECT 1 FROM hermes.messages m WHERE m.key = o.message)`,
  ],
  [
    'conversations whose next number is taken',
    `SELECT count(*) AS n FROM hermes.conversations c
       WHERE EXISTS (SELECT 1 FROM hermes.messages m WHERE m.conversation = c.key AND m.seq >= c.next_seq)`,
  ],
  [
    'steps of turns that are over',
    `SELECT count(*) AS n FROM hermes.steps s
       WHERE NOT EXISTS (SELECT 1 FROM hermes.messages m WHERE m.key = s.message AND m.frozen)`,
  ],
]

/** Broken invariants; empty = none. Reads whole tables. */
export async function integrityCheck(db: Queryable): Promise<readonly string[]> {
  const problems: string[] = []
  for (const [problem, count] of RULES) {
    const [row] = await db.query<{ n: number }>(count)
    if (row!.n > 0) problems.push(`${row!.n} ${problem}`)
  }
  return problems
}

/** The fact that a probe writes; its value means nothing. */
const PROBE_FACT = 'store.probe'
/** Rows that are stored as they are, two a page: half a megabyte in all, a hundred messages with their answers. */
const PROBE_ROWS = 128
const PROBE_ROW_CHARACTERS = 1_900

/**
 * A durable write, with room for the next ones. A small one alone proves nothing: on a full disk it fits
 * into space that another row has freed.
 *
 * @throws StoreError while writes fail, or when there is no room for more
 */
export async function probe(database: Database): Promise<void> {
  await database.transaction(async (tx) => {
    await tx.query('SAVEPOINT room')
    await tx.query(
      `INSERT INTO hermes.facts (key, value)
         SELECT gen_random_uuid()::text, repeat('x', $1::int) FROM generate_series(1, $2::int)`,
      [PROBE_ROW_CHARACTERS, PROBE_ROWS],
    )
    await tx.query('ROLLBACK TO SAVEPOINT room')
    await tx.last(
      `INSERT INTO hermes.facts (key, value) VALUES ($1, '') ON CONFLICT (key) DO UPDATE SET value = ''`,
      [PROBE_FACT],
    )
  })
}
