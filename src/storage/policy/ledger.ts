import type { Spent, TurnOutcome } from '../../inbox/lease.ts'
import type { ConversationRow } from '../rows/rows.ts'
import type { Changes } from './changes.ts'
import type { LeaseKey } from './lease.ts'

/** When the turn began, and when this is stored, in epoch milliseconds. */
interface Moment {
  readonly leasedAt: number
  readonly now: number
}

/** Whether `spentOf` needs to know how many entries of the turn the ledger has. */
export function needsBooked({ storedBefore }: TurnOutcome): boolean {
  return storedBefore !== undefined
}

/**
 * What the end of a turn adds to the ledger. An answer always adds something: it counts as a turn.
 *
 * @param booked how many entries of the turn are there; not needed where `needsBooked` says so
 */
export function spentOf(outcome: TurnOutcome, booked: number): readonly Spent[] {
  const { spent: given = [], storedBefore } = outcome
  // What was given with a step is there whole, or not at all.
  const spent = storedBefore === undefined ? given : given.slice(Math.max(0, booked - storedBefore))
  if (outcome.kind !== 'answered' || spent.some(({ kind }) => kind === 'answer')) return spent
  const { model, usage, modelMs } = outcome
  const answer = {
    kind: 'answer',
    requests: 1,
    cost: null,
    isEstimated: false,
    isSubscription: false,
  } as const
  return [...spent, { ...answer, model, usage, modelMs }]
}

/** Books what a turn has paid, in the commit of whatever it was paid for. */
export function addSpent(
  conversation: ConversationRow,
  { turnId, person }: LeaseKey,
  spent: readonly Spent[],
  { leasedAt, now }: Moment,
  changes: Changes,
): void {
  for (const { usage, kind, model, modelMs, requests, cost, isEstimated, isSubscription, tool } of spent) {
    changes.turns.push({
      id: turnId,
      conversation: conversation.key,
      model,
      leased_at: leasedAt,
      finished_at: now,
      model_ms: modelMs,
      input_tokens: usage.inputTokens,
      output_tokens: usage.outputTokens,
      cache_read_tokens: usage.cacheReadTokens,
      cache_write_tokens: usage.cacheWriteTokens,
      cache_write_1h_tokens: usage.cacheWrite1hTokens ?? 0,
      web_searches: usage.webSearches ?? 0,
      kind,
      requests,
      person_id: person,
      tool: tool ?? null,
      cost,
      estimated: isEstimated,
      subscription: isSubscription,
    })
  }
}
