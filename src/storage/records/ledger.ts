import type { SpentKind } from '../../inbox/lease.ts'
import { DAY, HOUR, isoTime } from '../../support/clock.ts'
import { usdOf } from '../../usage/cost-in-words.ts'
import { dayOf, type UsageGroup, type UsageQuery, type UsageSum } from '../../usage/ledger.ts'
import { query, type Steps } from './steps.ts'

/** The keys of entries. A day is the number of days since the epoch. */
const KEYS: Readonly<Record<UsageGroup, string>> = {
  day: `t.finished_at / ${DAY}`,
  person: `CASE WHEN t.person_id IS NULL THEN '' ELSE c.channel || ':' || t.person_id END`,
  conversation: 'c.id',
  model: 't.model',
  tool: `coalesce(t.tool, '')`,
}

const sum = (value: string) => `CAST(sum(${value}) AS bigint)`
const requestsWhere = (condition: string) => sum(`CASE WHEN ${condition} THEN t.requests ELSE 0 END`)

const SUMS = [
  `${sum('t.requests')} AS requests`,
  `${sum('t.input_tokens')} AS input_tokens`,
  `${sum('t.output_tokens')} AS output_tokens`,
  `${sum('t.cache_read_tokens')} AS cache_read_tokens`,
  `${sum('t.cache_write_tokens')} AS cache_write_tokens`,
  `${sum('t.cost')} AS cost`,
  `${requestsWhere('t.cost IS NULL')} AS unknown`,
  `${requestsWhere('t.estimated')} AS estimated`,
  `${requestsWhere('t.subscription')} AS subscription`,
].join(', ')

interface SumRow {
  readonly key: string | number
  readonly requests: number
  readonly input_tokens: number
  readonly output_tokens: number
  readonly cache_read_tokens: number
  readonly cache_write_tokens: number
  readonly cost: number | null
  readonly unknown: number
  readonly estimated: number
  readonly subscription: number
}

/** The clocks of processes, and the commits of what they have read from them, are no further apart than this. */
const DISORDER_MS = HOUR

/** What the requests of a time cost. See `Ledger`. */
export const ledger = {
  *sums({ by, since, conversation = null }: UsageQuery): Steps<readonly UsageSum[]> {
    const rows =
      conversation === null
        ? yield* query<SumRow>(grouped(by, 't.key > $1 AND t.finished_at >= $2'), [
            yield* lastBefore(since - DISORDER_MS),
            since,
          ])
        : yield* query<SumRow>(
            grouped(
              by,
              't.conversation = (SELECT key FROM hermes.conversations WHERE id = $1) AND t.finished_at >= $2',
            ),
            [conversation, since],
          )
    return rows.map((row) => ({
      key: typeof row.key === 'number' ? dayOf(row.key * DAY) : row.key,
      requests: row.requests,
      inputTokens: row.input_tokens,
      outputTokens: row.output_tokens,
      cacheReadTokens: row.cache_read_tokens,
      cacheWriteTokens: row.cache_write_tokens,
      cost: row.cost,
      unknown: row.unknown,
      estimated: row.estimated,
      subscription: row.subscription,
    }))
  },
}

function grouped(by: UsageGroup, condition: string): string {
  return `SELECT ${KEYS[by]} AS key, ${SUMS} FROM hermes.turns t JOIN hermes.conversations c ON c.key = t.conversation
    WHERE ${condition} GROUP BY 1 ORDER BY 1`
}

/**
 * The key of the newest entry before `time`. Keys rise with time, so what is asked for stands behind it: no index by
 * time, which every turn would have to keep.
 */
function* lastBefore(time: number): Steps<number> {
  const [row] = yield* query<{ key: number }>(
    'SELECT key FROM hermes.turns WHERE finished_at < $1 ORDER BY key DESC LIMIT 1',
    [time],
  )
  return row?.key ?? 0
}

/** How many entries of a turn there are. */
export function* countBooked(conversation: number, turnId: string): Steps<number> {
  const [row] = yield* query<{ n: number }>(
    'SELECT count(*) AS n FROM hermes.turns WHERE conversation = $1 AND id = $2',
    [conversation, turnId],
  )
  return row!.n
}

interface SpentRow {
  readonly finished_at: number
  readonly kind: SpentKind
  readonly model: string
  readonly tool: string | null
  readonly requests: number
  readonly input_tokens: number
  readonly output_tokens: number
  readonly cache_read_tokens: number
  readonly cache_write_tokens: number
  readonly cost: number | null
}

/** What a person has spent in a conversation, as it is exported. */
export function* exportSpent(conversation: number, personId: string): Steps<readonly unknown[]> {
  const rows = yield* query<SpentRow>(
    `SELECT finished_at, kind, model, tool, requests, input_tokens, output_tokens, cache_read_tokens,
         cache_write_tokens, cost
       FROM hermes.turns WHERE conversation = $1 AND person_id = $2 ORDER BY key`,
    [conversation, personId],
  )
  return rows.map((row) => ({
    at: isoTime(row.finished_at),
    kind: row.kind,
    model: row.model,
    ...(row.tool === null ? {} : { tool: row.tool }),
    requests: row.requests,
    inputTokens: row.input_tokens,
    outputTokens: row.output_tokens,
    cacheReadTokens: row.cache_read_tokens,
    cacheWriteTokens: row.cache_write_tokens,
    costUsd: row.cost === null ? null : usdOf(row.cost),
  }))
}
