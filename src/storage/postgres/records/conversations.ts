import type { Usage } from '../../../inbox/lease.ts'
import type { Conversation, StoredMessage } from '../../../inbox/message.ts'
import { publicConversation } from '../../rows/conversation-row.ts'
import { MESSAGE_COLUMNS, storedMessage, type MessageRow } from '../../rows/message-row.ts'
import type { Queryable } from '../connection/database.ts'
import { clean } from '../connection/statements.ts'
import { CONVERSATION_COLUMNS, type ConversationRow } from '../rows.ts'

/** Enough of the newest message to recognise the conversation by, in characters. */
const PREVIEW_LENGTH = 120

/** See `Conversations.find`. */
export async function find(db: Queryable, channel: string, address: string): Promise<Conversation | null> {
  const [row] = await db.query<ConversationRow>(
    `SELECT ${CONVERSATION_COLUMNS} FROM hermes.addresses a JOIN hermes.conversations c ON c.key = a.conversation
       WHERE a.channel = $1 AND a.address = $2`,
    [clean(channel), clean(address)],
  )
  return row ? publicConversation(row) : null
}

/** See `Conversations.changes`. */
export async function changes(
  db: Queryable,
  conversationId: string,
  after: number,
  limit: number,
): Promise<readonly StoredMessage[]> {
  const rows = await db.query<MessageRow>(
    `SELECT ${MESSAGE_COLUMNS} FROM hermes.messages
       WHERE conversation = (SELECT key FROM hermes.conversations WHERE id = $1) AND revision > $2
       ORDER BY revision LIMIT $3`,
    [clean(conversationId), after, limit],
  )
  return rows.map((row) => storedMessage(row, conversationId))
}

/** See `Conversations.messages`. */
export async function messages(
  db: Queryable,
  conversationId: string,
  options: { readonly limit: number; readonly beforeSeq: number | null },
): Promise<readonly StoredMessage[]> {
  const rows = await db.query<MessageRow>(
    `SELECT ${MESSAGE_COLUMNS} FROM hermes.messages
       WHERE conversation = (SELECT key FROM hermes.conversations WHERE id = $1) AND seq < $2
       ORDER BY seq DESC LIMIT $3`,
    [clean(conversationId), options.beforeSeq ?? Number.MAX_SAFE_INTEGER, options.limit],
  )
  return rows.toReversed().map((row) => storedMessage(row, conversationId))
}

/** See `Conversations.list`. */
export async function list(
  db: Queryable,
  channel: string,
  limit: number,
): Promise<
  ReadonlyArray<{ readonly conversation: Conversation; readonly lastAt: number; readonly preview: string }>
> {
  const rows = await db.query<ConversationRow & { readonly preview: string | null }>(
    `SELECT ${CONVERSATION_COLUMNS}, (SELECT substr(m.text, 1, ${PREVIEW_LENGTH}) FROM hermes.messages m
         WHERE m.conversation = c.key AND m.role <> 'notice' ORDER BY m.seq DESC LIMIT 1) AS preview
       FROM hermes.conversations c WHERE c.channel = $1 ORDER BY c.last_at DESC LIMIT $2`,
    [clean(channel), limit],
  )
  return rows.map((row) => ({
    conversation: publicConversation(row),
    lastAt: row.last_at,
    preview: row.preview ?? '',
  }))
}

interface UsageRow {
  readonly input_tokens: number
  readonly output_tokens: number
  readonly cache_read_tokens: number
  readonly cache_write_tokens: number
}

/** See `Conversations.usage`. */
export async function usage(
  db: Queryable,
  conversationId: string,
): Promise<{ readonly turns: number; readonly total: Usage; readonly last: Usage | null }> {
  const of = '(SELECT key FROM hermes.conversations WHERE id = $1)'
  const id = [clean(conversationId)]
  const [[sums], [last]] = await Promise.all([
    db.query<UsageRow & { readonly turns: number }>(
      `SELECT count(*) AS turns, coalesce(sum(input_tokens), 0)::bigint AS input_tokens,
         coalesce(sum(output_tokens), 0)::bigint AS output_tokens,
         coalesce(sum(cache_read_tokens), 0)::bigint AS cache_read_tokens,
         coalesce(sum(cache_write_tokens), 0)::bigint AS cache_write_tokens
         FROM hermes.turns WHERE conversation = ${of}`,
      id,
    ),
    db.query<UsageRow>(
      `SELECT input_tokens, output_tokens, cache_read_tokens, cache_write_tokens
         FROM hermes.turns WHERE conversation = ${of} ORDER BY key DESC LIMIT 1`,
      id,
    ),
  ])
  return { turns: sums!.turns, total: usageOf(sums!), last: last ? usageOf(last) : null }
}

function usageOf(row: UsageRow): Usage {
  return {
    inputTokens: row.input_tokens,
    outputTokens: row.output_tokens,
    cacheReadTokens: row.cache_read_tokens,
    cacheWriteTokens: row.cache_write_tokens,
  }
}
