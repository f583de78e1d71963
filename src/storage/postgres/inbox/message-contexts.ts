import type { MessageContext } from '../../../inbox/arrival.ts'
import type { Queryable } from '../connection/database.ts'
import type { MessageRow } from '../rows.ts'

/**
 * The contexts of messages. A message with a context is never merged with others, so it is marked as
 * `solo`, and this table is read only for those.
 */

export async function readContext(db: Queryable, row: MessageRow): Promise<MessageContext | null> {
  if (!row.solo) return null
  const [found] = await db.query<{ digest: string; json: Omit<MessageContext, 'digest'> | null }>(
    'SELECT digest, json FROM hermes.contexts WHERE message = $1',
    [row.key],
  )
  return found?.json ? { digest: found.digest, ...found.json } : null
}

/** The messages were answered: their contexts are no longer needed, and may be large. */
export async function dropContexts(db: Queryable, rows: readonly MessageRow[]): Promise<void> {
  const keys = rows.filter((row) => row.solo).map((row) => row.key)
  if (keys.length === 0) return
  await db.query('UPDATE hermes.contexts SET json = NULL WHERE message = ANY ($1::bigint[])', [keys])
}
