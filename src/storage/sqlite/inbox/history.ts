import type { AttachmentInfo, StoredMessage } from '../../../inbox/message.ts'
import type { ConversationRow } from '../../rows/conversation-row.ts'
import {
  FIRST_READ,
  oldestWithin,
  unpackHistory,
  type PackedMessage,
  type Placed,
} from '../../rows/packed-history.ts'
import type { Session } from '../thread/session.ts'

/**
 * The answered turns since the last fresh start, whole, oldest first, at most `limit` characters, as JSON:
 * SQLite writes it and the main thread parses it, which costs a quarter of building objects here and
 * copying them there. Every turn reads its history, so this is the largest cost of the store.
 * `parseHistory` reads it.
 */
export function readHistory(session: Session, conversation: ConversationRow, limit: number): string {
  // Nearly always all of it fits, and a search for the cut would read everything twice.
  const fits = conversation.history_characters <= limit
  const from = fits ? conversation.history_from : historyFrom(session, conversation, limit)
  if (from === null) return '[]'
  const row = session.get(
    `SELECT json_group_array(json_array(id, seq, role, text, preface, platform_id, person_id, person_name,
         attachments, at, answered_by, revision) ORDER BY history_seq, seq) AS json
       FROM messages WHERE conversation = ? AND history_seq IS NOT NULL AND history_seq >= ?`,
    conversation.key,
    from,
  )
  return String(row?.['json'])
}

/** Where the history begins that fits into `limit` characters; null = nothing does, or there is none. */
function historyFrom(session: Session, conversation: ConversationRow, limit: number): number | null {
  for (let look = FIRST_READ; ; look *= 4) {
    const rows = session.arrays(
      `SELECT history_seq, length(text) FROM messages
         WHERE conversation = ? AND history_seq IS NOT NULL AND history_seq >= ?
         ORDER BY history_seq DESC, seq DESC LIMIT ?`,
      conversation.key,
      conversation.history_from,
      look,
    ) as readonly Placed[]
    const { from, cut } = oldestWithin(rows, limit)
    if (cut || rows.length < look) return from
  }
}

/** What `readHistory` wrote, as messages. */
export function parseHistory(json: string, conversationId: string): readonly StoredMessage[] {
  const packed = JSON.parse(json) as ReadonlyArray<PackedMessage<string>>
  return unpackHistory(packed, conversationId, (attachments) => JSON.parse(attachments) as AttachmentInfo[])
}

export function readSummary(session: Session, conversation: number): string | null {
  const row = session.get('SELECT text FROM summaries WHERE conversation = ?', conversation)
  return row ? String(row['text']) : null
}
