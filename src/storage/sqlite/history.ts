import type { StoredMessage } from '../../inbox/inbox.ts'
import { storedMessage, type ConversationRow, type MessageRow } from './rows.ts'
import type { Session } from './session.ts'

/**
 * The answered turns since the last fresh start, whole, oldest first, at most `limit` characters.
 *
 * A turn's place is that of its answer: what arrived while an earlier message was being answered
 * must not stand between a question and its answer.
 */
export function readHistory(
  session: Session,
  conversation: ConversationRow,
  limit: number,
): readonly StoredMessage[] {
  const newestFirst: StoredMessage[] = []
  let complete = 0
  let turn: number | null = null
  let characters = 0
  const rows = session
    .sql(
      `SELECT * FROM messages WHERE conversation = ? AND history_seq IS NOT NULL AND history_seq >= ?
         ORDER BY history_seq DESC, seq DESC`,
    )
    .iterate(conversation.key, conversation.history_from)
  for (const raw of rows) {
    const row = raw as unknown as MessageRow & { readonly history_seq: number }
    if (row.history_seq !== turn) {
      turn = row.history_seq
      complete = newestFirst.length
    }
    characters += row.text.length
    if (characters > limit) {
      newestFirst.length = complete
      break
    }
    newestFirst.push(storedMessage(row, conversation.id))
  }
  return newestFirst.toReversed()
}

export function readSummary(session: Session, conversation: number): string | null {
  const row = session.get('SELECT text FROM summaries WHERE conversation = ?', conversation)
  return row ? String(row['text']) : null
}
