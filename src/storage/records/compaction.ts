import type { CompactionToStore } from '../../inbox/inbox.ts'
import type { Spent } from '../../inbox/lease.ts'
import { decideCompaction } from '../policy/compaction.ts'
import { WAITING, type ConversationRow } from '../rows/rows.ts'
import { query, type Steps } from './steps.ts'

/** See `Inbox.saveCompaction`. The row of the conversation must be locked. */
export function* saveCompaction(compaction: CompactionToStore): Steps<ReturnType<typeof decideCompaction>> {
  const { conversationId, turnId, spent, after, upTo, summary } = compaction
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
  for (const one of spent) yield* addToTurn(key, turnId, one)
  if (end === 'outdated' || summary === null) return end
  yield* query('UPDATE hermes.summaries SET text = $1 WHERE conversation = $2', [summary, key])
  yield* query('UPDATE hermes.conversations SET history_from = $1 WHERE key = $2', [
    Math.max(history_from, upTo + 1),
    key,
  ])
  return end
}

/** Books what was paid after the end of a turn, as a part of what it has cost. */
function* addToTurn(conversation: number, turnId: string, spent: Spent): Steps<void> {
  const { kind, model, modelMs, requests, usage, cost, isEstimated, isSubscription } = spent
  yield* query(
    `INSERT INTO hermes.turns (id, conversation, person_id, leased_at, finished_at, kind, model, model_ms, requests,
         input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, cache_write_1h_tokens, cost, estimated,
         subscription)
       SELECT id, conversation, person_id, leased_at, finished_at, CAST($3 AS text), CAST($4 AS text),
           CAST($5 AS double precision), CAST($6 AS bigint), CAST($7 AS bigint), CAST($8 AS bigint),
           CAST($9 AS bigint), CAST($10 AS bigint), CAST($11 AS bigint), CAST($12 AS bigint),
           CAST($13 AS bigint) = 1, CAST($14 AS bigint) = 1
         FROM hermes.turns WHERE conversation = $1 AND id = $2 ORDER BY key LIMIT 1`,
    [
      conversation,
      turnId,
      kind,
      model,
      modelMs,
      requests,
      usage.inputTokens,
      usage.outputTokens,
      usage.cacheReadTokens,
      usage.cacheWriteTokens,
      usage.cacheWrite1hTokens ?? 0,
      cost,
      Number(isEstimated),
      Number(isSubscription),
    ],
  )
}
