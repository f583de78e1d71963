import type { OutageFacts } from '../../policy/finish.ts'
import { MESSAGE_COLUMNS, WAITING, type MessageRow } from '../../rows/rows.ts'
import type { Queryable } from '../connection/database.ts'

/**
 * What the ends of turns are decided from: of each conversation the messages that are being answered, and the
 * first one of the others, in their order, by its key. The rows of the conversations are locked.
 */
export async function readEnding(
  tx: Queryable,
  conversations: readonly number[],
): Promise<ReadonlyMap<number, readonly MessageRow[]>> {
  if (conversations.length === 0) return new Map()
  const rows = await tx.query<MessageRow & { readonly conversation: number }>(ENDING, [conversations])
  return Map.groupBy(rows, ({ conversation }) => conversation)
}

/** What the end of a turn depends on in an outage. */
export async function readOutage(tx: Queryable, conversation: number): Promise<OutageFacts> {
  const [outage] = await tx.query<OutageFacts>(OUTAGE, [conversation])
  return outage!
}

/**
 * Those of the messages with these ids that belong to the conversation and were withdrawn with its whole queue, oldest
 * first: what its sender took back has a reason, and is not to be seen by the model.
 */
export function readWithdrawn(
  tx: Queryable,
  conversation: number,
  ids: readonly string[],
): Promise<readonly MessageRow[]> {
  return tx.query<MessageRow>(WITHDRAWN, [ids, conversation])
}

const COLUMNS = `${MESSAGE_COLUMNS}, conversation`

const ENDING = `SELECT m.* FROM unnest($1::bigint[]) AS w (key) CROSS JOIN LATERAL (
    (SELECT ${COLUMNS} FROM hermes.messages WHERE conversation = w.key AND ${WAITING} AND state = 'answering')
    UNION ALL
    (SELECT ${COLUMNS} FROM hermes.messages WHERE conversation = w.key AND ${WAITING} AND state <> 'answering'
      ORDER BY seq LIMIT 1)) m
  ORDER BY m.conversation, m.seq`

const OUTAGE = `SELECT coalesce((SELECT value FROM hermes.counters WHERE name = 'observed_outage_ms'), 0) AS observed,
  EXISTS (SELECT 1 FROM hermes.messages WHERE conversation = $1 AND ${WAITING} AND addressed) AS welcome`

const WITHDRAWN = `SELECT ${MESSAGE_COLUMNS} FROM hermes.messages
  WHERE id = ANY ($1::text[]) AND conversation = $2 AND state = 'withdrawn' AND reason IS NULL ORDER BY seq`
