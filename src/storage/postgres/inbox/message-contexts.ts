import type { MessageContext } from '../../../inbox/arrival.ts'
import type { Queryable } from '../connection/database.ts'
import type { MessageRow } from '../rows.ts'

/**
 * What messages bring along. Such a message is never merged with others, so it is marked as
 * standing alone (`solo`), and only for those is this table ever looked into.
 */

export async function readContext(db: Queryable, row: MessageRow): Promise<MessageContext | null> {
  if (!row.solo) return null
  const [found] = await db.query<{ digest: string; json: Omit<MessageContext, 'digest'> | null }>(
    'SELECT digest, json FROM hermes.contexts WHERE message = $1',
    [row.key],
  )
  return found?.json ? { digest: found.digest, ...found.json } : null
}

/** The messages were answered: what they brought is of no use any more, and it may be large. */
export async function dropContexts(db: Queryable, rows: readonly MessageRow[]): Promise<void> {
  const keys = rows.filter((row) => row.solo).map((row) => row.key)
  if (keys.length === 0) return
  await db.query('UPDATE hermes.contexts SET json = NULL WHERE message = ANY ($1::bigint[])', [keys])
}
