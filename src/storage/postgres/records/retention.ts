import type { Conversations } from '../../../conversation/conversations.ts'
import { MINUTE } from '../../../support/clock.ts'
import type { Database, Queryable, Transaction } from '../connection/database.ts'
import { lockConversations } from '../rows.ts'

type Terms = Parameters<Conversations['retain']>[0]

/** Rows removed in one statement: a few milliseconds, so that a purge never holds up a message. */
const CHUNK = 200
/** Rows read at a time. */
const BATCH = 1_000

/**
 * Removes what is older than its term. Keys rise with time, so the old rows are the first ones, and the
 * search ends at the first row that is recent: no index by time, no scan.
 */
export async function retain(
  database: Database,
  terms: Terms,
): Promise<{ readonly messages: number; readonly attachments: number }> {
  const messages = await removeOld(database, MESSAGES, terms.messagesBefore, (_, keys) =>
    removeSome(database, keys),
  )
  const attachments = await removeOld(database, ATTACHMENTS, terms.attachmentsBefore, (db, keys) =>
    db.query('DELETE FROM hermes.attachments WHERE key = ANY ($1::bigint[])', [keys]),
  )
  await removeOld(database, TURNS, terms.figuresBefore, (db, keys) =>
    db.query('DELETE FROM hermes.turns WHERE key = ANY ($1::bigint[])', [keys]),
  )
  await database.query('DELETE FROM hermes.figures WHERE minute < $1', [
    Math.floor(terms.figuresBefore / MINUTE),
  ])
  await database.query('DELETE FROM hermes.seen WHERE at < $1', [terms.messagesBefore])
  await database.query('DELETE FROM hermes.pairing_guesses WHERE at < $1', [terms.messagesBefore])
  return { messages, attachments }
}

/**
 * A message that waits for an answer, for the operator or for its delivery is never too old. Checked row by
 * row: for an EXISTS the planner may hash the whole other table.
 */
const KEPT = `(m.state IN ('received', 'answering', 'held', 'parked')
  OR (SELECT o.message FROM hermes.outbox o WHERE o.message = m.key) IS NOT NULL)`

const MESSAGES = `SELECT m.key, m.at, ${KEPT} AS kept FROM hermes.messages m WHERE m.key > $1 ORDER BY m.key LIMIT $2`
const ATTACHMENTS = `SELECT a.key, a.at, coalesce((SELECT ${KEPT} FROM hermes.messages m WHERE m.key = a.message), false) AS kept
  FROM hermes.attachments a WHERE a.key > $1 ORDER BY a.key LIMIT $2`
const TURNS = `SELECT key, finished_at AS at, false AS kept FROM hermes.turns WHERE key > $1 ORDER BY key LIMIT $2`

async function removeOld(
  database: Database,
  look: string,
  before: number,
  remove: (db: Queryable, keys: readonly number[]) => Promise<unknown>,
): Promise<number> {
  let removed = 0
  for (let after = 0; ;) {
    const rows = await database.query<{ key: number; at: number; kept: boolean }>(look, [after, BATCH])
    const young = rows.findIndex((row) => row.at >= before)
    const old = young === -1 ? rows : rows.slice(0, young)
    const keys = old.filter((row) => !row.kept).map((row) => row.key)
    for (let start = 0; start < keys.length; start += CHUNK) {
      await remove(database, keys.slice(start, start + CHUNK))
    }
    removed += keys.length
    if (young !== -1 || rows.length < BATCH) return removed
    after = rows.at(-1)!.key
  }
}

/** A conversation that was created for a single message with a context is removed with it. */
async function removeSome(database: Database, keys: readonly number[]): Promise<void> {
  const sole = await database.query<{ conversation: number }>(
    `SELECT DISTINCT m.conversation FROM hermes.contexts c JOIN hermes.messages m ON m.key = c.message
       WHERE c.message = ANY ($1::bigint[])`,
    [keys],
  )
  await removeMessages(database, keys)
  for (const { conversation } of sole) {
    await database.transaction(async (tx) => {
      await lockConversations(tx, [conversation])
      const [left] = await tx.query('SELECT 1 FROM hermes.messages WHERE conversation = $1 LIMIT 1', [
        conversation,
      ])
      if (!left) await removeConversation(tx, conversation)
    })
  }
}

/** Removes a conversation, which is locked, with all that belongs to it. @returns how many messages were removed */
export async function removeConversation(tx: Transaction, key: number): Promise<number> {
  const rows = await tx.query<{ key: number }>('SELECT key FROM hermes.messages WHERE conversation = $1', [
    key,
  ])
  await removeMessages(
    tx,
    rows.map((row) => row.key),
  )
  await tx.query(
    'DELETE FROM hermes.seen WHERE origin IN (SELECT key FROM hermes.addresses WHERE conversation = $1)',
    [key],
  )
  for (const table of ['addresses', 'turns', 'summaries', 'participants']) {
    await tx.query(`DELETE FROM hermes.${table} WHERE conversation = $1`, [key])
  }
  await tx.query('DELETE FROM hermes.conversations WHERE key = $1', [key])
  return rows.length
}

/** Removes messages with all that belongs to them. */
export async function removeMessages(db: Queryable, keys: readonly number[]): Promise<void> {
  await db.query(
    `WITH receipts AS (DELETE FROM hermes.receipts WHERE message = ANY ($1::bigint[])),
       outbox AS (DELETE FROM hermes.outbox WHERE message = ANY ($1::bigint[])),
       attachments AS (DELETE FROM hermes.attachments WHERE message = ANY ($1::bigint[])),
       contexts AS (DELETE FROM hermes.contexts WHERE message = ANY ($1::bigint[]))
     DELETE FROM hermes.messages WHERE key = ANY ($1::bigint[])`,
    [keys],
  )
}
