import type { StoredMessage } from '../../../inbox/message.ts'
import { MESSAGE_COLUMNS, storedMessage, type MessageRow } from '../../rows/rows.ts'
import type { Queryable } from '../connection/database.ts'
import { clean } from '../connection/statements.ts'

/** As `Conversations.changes` asks for them. */
export interface ChangesRequest {
  readonly conversationId: string
  readonly after: number
  readonly limit: number
}

/** Each request is answered as if it were alone: its rows come in the order of their revisions. */
const READ = `SELECT w.place, m.* FROM unnest($1::text[], $2::bigint[], $3::bigint[])
    WITH ORDINALITY AS w (id, after, most, place)
  JOIN hermes.conversations c ON c.id = w.id
  CROSS JOIN LATERAL (SELECT ${MESSAGE_COLUMNS} FROM hermes.messages
    WHERE conversation = c.key AND revision > w.after ORDER BY revision LIMIT w.most) m
  ORDER BY w.place, m.revision`

/** See `Conversations.changes`; of several conversations in one statement. */
export async function readChanges(
  db: Queryable,
  requests: readonly ChangesRequest[],
): Promise<ReadonlyArray<readonly StoredMessage[]>> {
  const rows = await db.query<MessageRow & { readonly place: number }>(READ, [
    requests.map(({ conversationId }) => clean(conversationId)),
    requests.map(({ after }) => after),
    requests.map(({ limit }) => limit),
  ])
  const byPlace = Map.groupBy(rows, ({ place }) => place)
  return requests.map(({ conversationId }, index) =>
    (byPlace.get(index + 1) ?? []).map((row) => storedMessage(row, conversationId)),
  )
}
