import { MESSAGE_COLUMNS, WAITING, type MessageRow } from '../../rows/rows.ts'
import type { Queryable } from '../connection/database.ts'
import type { ConversationRow } from '../rows.ts'
import { historyFrom, parseHistory, type HistoryRow } from './history.ts'

/** Messages read for one turn; more only where more were held together. */
export const FIRST_READ = 32
/** Above every place: nothing of the history is read. */
const NO_HISTORY = Number.MAX_SAFE_INTEGER

/** What a conversation's next turn is made of. */
export interface Head {
  /** The key of the conversation. */
  readonly key: number
  /** At most `FIRST_READ`. */
  readonly waiting: readonly MessageRow[] | null
  readonly summary: string | null
  /** Left out where it must be cut first. */
  readonly history: readonly HistoryRow[] | null
}

const READ = `
  SELECT c.key, (SELECT json_agg(w ORDER BY w.seq) FROM (SELECT ${MESSAGE_COLUMNS} FROM hermes.messages
      WHERE conversation = c.key AND ${WAITING} ORDER BY seq LIMIT $3) w) AS waiting,
    (SELECT text FROM hermes.summaries WHERE conversation = c.key) AS summary,
    (SELECT json_agg(json_build_array(m.id, m.seq, m.role, m.text, m.preface, m.platform_id, m.person_id, m.person_name,
        m.attachments, m.about, m.at, m.answered_by, m.revision, m.blocks) ORDER BY m.history_seq, m.seq) FROM hermes.messages m
      WHERE m.conversation = c.key AND m.history_seq IS NOT NULL AND m.history_seq >=
        CASE WHEN c.history_characters <= v.most THEN c.history_from ELSE $4 END) AS history
    FROM unnest($1::bigint[], $2::bigint[]) AS v (key, most) JOIN hermes.conversations c ON c.key = v.key`

export interface HeadRequest {
  readonly conversation: number
  /** Characters of history, at most. */
  readonly historyLimit: number
}

/** The heads of conversations whose rows are locked, by their keys. */
export async function readHeads(
  tx: Queryable,
  wanted: readonly HeadRequest[],
): Promise<ReadonlyMap<number, Head>> {
  if (wanted.length === 0) return new Map()
  const heads = await tx.query<Head>(READ, [
    wanted.map(({ conversation }) => conversation),
    wanted.map(({ historyLimit }) => historyLimit),
    FIRST_READ,
    NO_HISTORY,
  ])
  return new Map(heads.map((head) => [head.key, head]))
}

/** The history that fits into `limit` characters. */
export async function historyOf(tx: Queryable, conversation: ConversationRow, head: Head, limit: number) {
  if (conversation.history_characters <= limit) return parseHistory(head.history ?? [], conversation.id)
  const from = await historyFrom(tx, conversation, limit)
  if (from === null) return []
  const [cut] = await tx.query<Head>(READ, [[conversation.key], [-1], 0, from])
  return parseHistory(cut?.history ?? [], conversation.id)
}
