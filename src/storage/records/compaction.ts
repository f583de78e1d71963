import type { CompactionToStore } from '../../inbox/inbox.ts'
import { decideCompaction } from '../policy/compaction.ts'
import { WAITING, type ConversationRow } from '../rows/rows.ts'
import { query, type Steps } from './steps.ts'

/** See `Inbox.saveCompaction`. The row of the conversation must be locked. */
export function* saveCompaction(compaction: CompactionToStore): Steps<ReturnType<typeof decideCompaction>> {
  const { conversationId, turnId, usage, after, upTo, summary } = compaction
  const [conversation] = yield* query<Pick<ConversationRow, 'key' | 'lease_turn' | 'history_from'>>(
    'SELECT key, lease_turn, history_from FROM hermes.conversations WHERE id = $1',
    [conversationId],
  )
  if (!conversation) return 'outdated'
  const { key, history_from } = conversation
  const [stored] = yield* query<{ text: string }>(
    'SELECT text FROM hermes.summaries WHERE conversation = $1',
    [key],
  )
  const frozen = yield* query(
    `SELECT 1 FROM hermes.messages WHERE conversation = $1 AND ${WAITING} AND frozen LIMIT 1`,
    [key],
  )
  const [counted] = yield* query<{ messages: number }>(
    `SELECT count(*) AS messages FROM hermes.messages
       WHERE conversation = $1 AND history_seq IS NOT NULL AND history_seq >= $2 AND history_seq <= $3`,
    [key, Math.max(history_from, after + 1), upTo],
  )
  const rows = {
    conversation,
    summary: stored?.text ?? null,
    hasFrozen: frozen.length > 0,
    messages: counted!.messages,
  }
  const end = decideCompaction(rows, compaction)
  if (end === 'busy') return end
  // It is a part of what its turn has cost, as a summary is.
  yield* query(
    `UPDATE hermes.turns SET input_tokens = input_tokens + $1, output_tokens = output_tokens + $2,
         cache_read_tokens = cache_read_tokens + $3, cache_write_tokens = cache_write_tokens + $4
       WHERE conversation = $5 AND id = $6`,
    [usage.inputTokens, usage.outputTokens, usage.cacheReadTokens, usage.cacheWriteTokens, key, turnId],
  )
  if (end === 'outdated' || summary === null) return end
  yield* query('UPDATE hermes.summaries SET text = $1 WHERE conversation = $2', [summary, key])
  yield* query('UPDATE hermes.conversations SET history_from = $1 WHERE key = $2', [
    Math.max(history_from, upTo + 1),
    key,
  ])
  return end
}
