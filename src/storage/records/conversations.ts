import type { Usage } from '../../inbox/lease.ts'
import type { Conversation, StoredMessage } from '../../inbox/message.ts'
import {
  CONVERSATION_COLUMNS,
  publicConversation,
  type ConversationRow,
  LEASED_COLUMNS,
  storedMessage,
  type LeasedRow,
} from '../rows/rows.ts'
import { query, type Steps } from './steps.ts'

/** Enough of the newest message to recognise the conversation by, in characters. */
const PREVIEW_LENGTH = 120

/** The key of the conversation whose id is the first parameter. */
const ITS_KEY = '(SELECT key FROM hermes.conversations WHERE id = $1)'

/** See `Conversations.find`. */
export function* find(channel: string, address: string): Steps<Conversation | null> {
  const [row] = yield* query<ConversationRow>(
    `SELECT ${CONVERSATION_COLUMNS} FROM hermes.addresses a JOIN hermes.conversations c ON c.key = a.conversation
       WHERE a.channel = $1 AND a.address = $2`,
    [channel, address],
  )
  return row ? publicConversation(row) : null
}

/** See `Conversations.changes`. */
export function* changes(
  conversationId: string,
  after: number,
  limit: number,
): Steps<readonly StoredMessage[]> {
  const rows = yield* query<LeasedRow>(
    `SELECT ${LEASED_COLUMNS} FROM hermes.messages WHERE conversation = ${ITS_KEY} AND revision > $2
       ORDER BY revision LIMIT $3`,
    [conversationId, after, limit],
  )
  return rows.map((row) => storedMessage(row, conversationId))
}

/** See `Conversations.messages`. */
export function* messages(
  conversationId: string,
  options: { readonly limit: number; readonly beforeSeq: number | null },
): Steps<readonly StoredMessage[]> {
  const rows = yield* query<LeasedRow>(
    `SELECT ${LEASED_COLUMNS} FROM hermes.messages WHERE conversation = ${ITS_KEY} AND seq < $2
       ORDER BY seq DESC LIMIT $3`,
    [conversationId, options.beforeSeq ?? Number.MAX_SAFE_INTEGER, options.limit],
  )
  return rows.toReversed().map((row) => storedMessage(row, conversationId))
}

/** See `Conversations.list`. */
export function* list(channel: string, within: string, limit: number) {
  const rows = yield* query<ConversationRow & { readonly preview: string | null }>(
    `SELECT ${CONVERSATION_COLUMNS}, (SELECT substr(m.text, 1, ${PREVIEW_LENGTH}) FROM hermes.messages m
         WHERE m.conversation = c.key AND m.role <> 'notice' ORDER BY m.seq DESC LIMIT 1) AS preview
       FROM hermes.conversations c
       WHERE c.channel = $1 AND substr(c.address, 1, length(CAST($2 AS text))) = $2
         AND substr(c.address, length(CAST($2 AS text)) + 1) NOT LIKE '%/%'
       ORDER BY c.last_at DESC LIMIT $3`,
    [channel, within, limit],
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

const TOKENS = ['input_tokens', 'output_tokens', 'cache_read_tokens', 'cache_write_tokens']
const SUMS = TOKENS.map((column) => `CAST(coalesce(sum(${column}), 0) AS bigint) AS ${column}`).join(', ')

/** The last two rows of answers: what is paid for an answer is stored before it, or with it. */
const ANSWERS = `SELECT key FROM hermes.turns WHERE conversation = ${ITS_KEY} AND kind = 'answer'
  ORDER BY key DESC LIMIT 2`

/** See `Conversations.usage`. */
export function* usage(conversationId: string) {
  const [sums] = yield* query<UsageRow & { readonly turns: number }>(
    `SELECT count(CASE WHEN kind = 'answer' THEN 1 END) AS turns, ${SUMS}
       FROM hermes.turns WHERE conversation = ${ITS_KEY}`,
    [conversationId],
  )
  const [newest, before] = yield* query<{ key: number }>(ANSWERS, [conversationId])
  if (!newest) return { turns: sums!.turns, total: usageOf(sums!), last: null }
  const [last] = yield* query<UsageRow>(
    `SELECT ${SUMS} FROM hermes.turns WHERE conversation = ${ITS_KEY} AND key > $2 AND key <= $3`,
    [conversationId, before?.key ?? 0, newest.key],
  )
  return { turns: sums!.turns, total: usageOf(sums!), last: usageOf(last!) }
}

function usageOf(row: UsageRow): Usage {
  return {
    inputTokens: row.input_tokens,
    outputTokens: row.output_tokens,
    cacheReadTokens: row.cache_read_tokens,
    cacheWriteTokens: row.cache_write_tokens,
  }
}

/** Gives all that belongs to a conversation, except its messages, to another one, and removes it. */
export function* foldRecords(older: number, newer: number): Steps<void> {
  for (const table of ['turns', 'outbox', 'addresses']) {
    yield* query(`UPDATE hermes.${table} SET conversation = $1 WHERE conversation = $2`, [older, newer])
  }
  yield* query(
    `INSERT INTO hermes.participants (conversation, person_id)
       SELECT CAST($1 AS bigint), person_id FROM hermes.participants WHERE conversation = $2 ON CONFLICT DO NOTHING`,
    [older, newer],
  )
  for (const table of ['participants', 'summaries']) {
    yield* query(`DELETE FROM hermes.${table} WHERE conversation = $1`, [newer])
  }
  yield* query('DELETE FROM hermes.conversations WHERE key = $1', [newer])
}
