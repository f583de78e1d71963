import type { AttachmentInfo, StoredMessage } from '../../inbox/inbox.ts'
import type { ConversationRow } from '../conversation-row.ts'
import type { Queryable } from './database.ts'

/** Rows looked at first for the cut; more only where the limit is far away. */
const FIRST_LOOK = 128

/**
 * The place of the oldest turn that still fits into `limit` characters; null = none does, or there
 * is none. A turn's place is that of its answer: what arrived while an earlier message was being
 * answered must not stand between a question and its answer.
 */
export async function oldestWithin(
  tx: Queryable,
  conversation: ConversationRow,
  limit: number,
): Promise<number | null> {
  for (let look = FIRST_LOOK; ; look *= 4) {
    const rows = await tx.query<{ place: number; length: number }>(
      `SELECT history_seq AS place, length(text) AS length FROM hermes.messages
         WHERE conversation = $1 AND history_seq IS NOT NULL AND history_seq >= $2
         ORDER BY history_seq DESC, seq DESC LIMIT $3`,
      [conversation.key, conversation.history_from, look],
    )
    let characters = 0
    let turn: number | null = null
    let complete: number | null = null
    for (const { place, length } of rows) {
      if (place !== turn) complete = turn
      turn = place
      characters += length
      if (characters > limit) return complete
    }
    if (rows.length < look) return turn
  }
}

/** A message of the history as the server packs it: a quarter of the bytes of an object. */
export type HistoryRow = readonly [
  id: string,
  seq: number,
  role: StoredMessage['role'],
  text: string,
  preface: string | null,
  platformId: string | null,
  personId: string | null,
  personName: string | null,
  attachments: readonly AttachmentInfo[] | null,
  at: number,
  answeredBy: string | null,
  revision: number,
]

/** What the server packed, as messages. */
export function parseHistory(rows: readonly HistoryRow[], conversationId: string): readonly StoredMessage[] {
  return rows.map(
    ([
      id,
      seq,
      role,
      text,
      preface,
      platformId,
      personId,
      personName,
      attachments,
      at,
      answeredBy,
      revision,
    ]) => ({
      id,
      conversationId,
      seq,
      role,
      text,
      preface,
      state: 'answered',
      reason: null,
      platformMessageId: platformId,
      personId,
      personName,
      attachments: attachments ?? [],
      at,
      answeredBy,
      revision,
    }),
  )
}
