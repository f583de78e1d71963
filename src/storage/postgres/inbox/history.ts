import type { AttachmentInfo, StoredMessage } from '../../../inbox/message.ts'
import { FIRST_READ, oldestWithin, unpackHistory, type PackedMessage } from '../../rows/rows.ts'
import type { Queryable } from '../connection/database.ts'
import type { ConversationRow } from '../rows.ts'

/** Where the history begins that fits into `limit` characters; null = nothing does, or there is none. */
export async function historyFrom(
  tx: Queryable,
  conversation: ConversationRow,
  limit: number,
): Promise<number | null> {
  for (let look = FIRST_READ; ; look *= 4) {
    const rows = await tx.query<{ place: number; length: number }>(
      `SELECT history_seq AS place, length(text) AS length FROM hermes.messages
         WHERE conversation = $1 AND history_seq IS NOT NULL AND history_seq >= $2
         ORDER BY history_seq DESC, seq DESC LIMIT $3`,
      [conversation.key, conversation.history_from, look],
    )
    const { from, cut } = oldestWithin(
      rows.map(({ place, length }) => [place, length]),
      limit,
    )
    if (cut || rows.length < look) return from
  }
}

/** A message of the history as the server packs it. */
export type HistoryRow = PackedMessage<readonly AttachmentInfo[]>

/** What the server packed, as messages. */
export function parseHistory(rows: readonly HistoryRow[], conversationId: string): readonly StoredMessage[] {
  return unpackHistory(rows, conversationId, (attachments) => attachments)
}
