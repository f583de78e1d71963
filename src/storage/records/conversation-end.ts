import type { ConversationEnd } from '../policy/last-exchange.ts'
import { type ConversationRow, MESSAGE_COLUMNS, type MessageRow } from '../rows/rows.ts'
import { query, type Steps } from './steps.ts'

/** As many as are often answered together: of a larger turn that was stopped only the newest are asked again. */
const ASKED_AT_MOST = 20

/** A turn's place in the history is that of its answer. */
const TURN_PLACES = `SELECT DISTINCT history_seq AS place FROM hermes.messages
  WHERE conversation = $1 AND history_seq IS NOT NULL AND history_seq >= $2 ORDER BY place DESC LIMIT $3`

/** @param turns how many of the last turns, whole */
export function* readConversationEnd(
  { key, history_from }: Pick<ConversationRow, 'key' | 'history_from'>,
  turns: number,
): Steps<ConversationEnd> {
  const answered = yield* query<MessageRow>(
    `SELECT ${MESSAGE_COLUMNS} FROM hermes.messages WHERE conversation = $1 AND history_seq IS NOT NULL
       AND history_seq >= (SELECT min(place) FROM (${TURN_PLACES}) t) ORDER BY history_seq, seq`,
    [key, history_from, turns],
  )
  const asked = yield* query<MessageRow>(
    `SELECT ${MESSAGE_COLUMNS} FROM hermes.messages WHERE conversation = $1 AND role = 'user' AND NOT command
       ORDER BY seq DESC LIMIT $2`,
    [key, ASKED_AT_MOST],
  )
  const alone = [...answered, ...asked].filter(({ solo }) => solo).map(({ key: message }) => message)
  const found =
    alone.length === 0
      ? []
      : yield* query<{ message: number }>(
          'SELECT message FROM hermes.contexts WHERE message = ANY ($1::bigint[])',
          [alone],
        )
  return { answered, asked, withContext: found.map(({ message }) => message) }
}
