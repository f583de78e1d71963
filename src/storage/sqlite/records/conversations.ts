import type { Usage } from '../../../inbox/lease.ts'
import type { Conversation, StoredMessage } from '../../../inbox/message.ts'
import { publicConversation, type ConversationRow } from '../../rows/conversation-row.ts'
import { MESSAGE_COLUMNS, storedMessage } from '../../rows/message-row.ts'
import { asMessages, conversationById } from '../rows.ts'
import type { Row, Session } from '../thread/session.ts'

/** Enough of the newest message to recognise the conversation by, in characters. */
const PREVIEW_LENGTH = 120

/** See `Conversations.find`. */
export function find(session: Session, channel: string, address: string): Conversation | null {
  const row = session.get(
    'SELECT c.* FROM addresses a JOIN conversations c ON c.key = a.conversation WHERE a.channel = ? AND a.address = ?',
    channel,
    address,
  )
  return row ? publicConversation(row as unknown as ConversationRow) : null
}

/** See `Conversations.changes`. */
export function changes(
  session: Session,
  conversationId: string,
  after: number,
  limit: number,
): readonly StoredMessage[] {
  const conversation = conversationById(session, conversationId)
  if (!conversation) return []
  return asMessages(
    session.all(
      `SELECT ${MESSAGE_COLUMNS} FROM messages WHERE conversation = ? AND revision > ? ORDER BY revision LIMIT ?`,
      conversation.key,
      after,
      limit,
    ),
  ).map((row) => storedMessage(row, conversationId))
}

/** See `Conversations.messages`. */
export function messages(
  session: Session,
  conversationId: string,
  options: { readonly limit: number; readonly beforeSeq: number | null },
): readonly StoredMessage[] {
  const conversation = conversationById(session, conversationId)
  if (!conversation) return []
  return asMessages(
    session.all(
      `SELECT ${MESSAGE_COLUMNS} FROM messages WHERE conversation = ? AND seq < ? ORDER BY seq DESC LIMIT ?`,
      conversation.key,
      options.beforeSeq ?? Number.MAX_SAFE_INTEGER,
      options.limit,
    ),
  )
    .toReversed()
    .map((row) => storedMessage(row, conversationId))
}

/** See `Conversations.list`. */
export function list(
  session: Session,
  channel: string,
  limit: number,
): ReadonlyArray<{ readonly conversation: Conversation; readonly lastAt: number; readonly preview: string }> {
  const rows = session.all(
    'SELECT * FROM conversations WHERE channel = ? ORDER BY last_at DESC LIMIT ?',
    channel,
    limit,
  ) as unknown as readonly ConversationRow[]
  return rows.map((row) => ({
    conversation: publicConversation(row),
    lastAt: row.last_at,
    preview: String(
      session.get(
        `SELECT substr(text, 1, ${PREVIEW_LENGTH}) AS text FROM messages
           WHERE conversation = ? AND role <> 'notice' ORDER BY seq DESC LIMIT 1`,
        row.key,
      )?.['text'] ?? '',
    ),
  }))
}

/** See `Conversations.usage`. */
export function usage(
  session: Session,
  conversationId: string,
): { readonly turns: number; readonly total: Usage; readonly last: Usage | null } {
  const sums = session.get(
    `SELECT count(*) AS turns, coalesce(sum(input_tokens), 0) AS input_tokens,
       coalesce(sum(output_tokens), 0) AS output_tokens, coalesce(sum(cache_read_tokens), 0) AS cache_read_tokens,
       coalesce(sum(cache_write_tokens), 0) AS cache_write_tokens
       FROM turns WHERE conversation = (SELECT key FROM conversations WHERE id = ?)`,
    conversationId,
  )!
  const last = session.get(
    `SELECT * FROM turns WHERE conversation = (SELECT key FROM conversations WHERE id = ?)
       ORDER BY key DESC LIMIT 1`,
    conversationId,
  )
  return { turns: Number(sums['turns']), total: usageOf(sums), last: last ? usageOf(last) : null }
}

function usageOf(row: Row): Usage {
  return {
    inputTokens: Number(row['input_tokens']),
    outputTokens: Number(row['output_tokens']),
    cacheReadTokens: Number(row['cache_read_tokens']),
    cacheWriteTokens: Number(row['cache_write_tokens']),
  }
}
