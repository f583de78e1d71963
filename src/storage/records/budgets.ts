import type { BudgetUse, Claim } from '../../usage/budget.ts'
import type { ReserveRequest, Settlement } from '../../usage/budgets.ts'
import { dayOf } from '../../usage/ledger.ts'
import type { NanoUsd } from '../../usage/price-table.ts'
import {
  decideClose,
  decideFromSlices,
  decideReservation,
  type BudgetRow,
  type OpenReservation,
  type ReserveDecision,
  type SliceRow,
} from '../policy/budget.ts'
import { query, type Statement, type Steps } from './steps.ts'

/**
 * See `Budgets`. Every transaction locks slices before budgets, each in the order of their keys, so that none waits
 * for one that waits for it.
 */

const SLICES = 'SELECT budget, owner, taken, reserved, spent FROM hermes.budget_slices'

/**
 * Room for a request, from what its process has taken where that is enough.
 *
 * @param isLast false: where the answer is `more`, nothing is reserved, and it is to be asked again in a transaction
 * of its own, with true
 */
export function* reserve(request: ReserveRequest, isLast: boolean): Steps<ReserveDecision> {
  const { claims, owner, now } = request
  for (const { sql, params } of settleStatements(request.settles)) yield* query(sql, params)
  const keys = claims.map(({ key }) => key).toSorted()
  let slices = isLast ? yield* slicesOf(keys) : yield* ownSlices(keys, owner)
  if (slices.filter((slice) => slice.owner === owner).length < keys.length) {
    yield* addRows(claims, owner, now)
    slices = isLast ? yield* slicesOf(keys) : yield* ownSlices(keys, owner)
  }
  if (!isLast && decideFromSlices({ budgets: new Map(), slices }, request)) {
    yield* addReservation(request, keys, request.most)
    return { kind: 'granted', amount: request.most }
  }
  const budgets = yield* lockedBudgets(keys)
  const decided = decideReservation({ budgets, slices }, request, isLast)
  if (decided.kind === 'more') return decided
  yield* writeRows(budgets, slices)
  if (decided.kind === 'granted') yield* addReservation(request, keys, decided.amount, false)
  if (decided.kind === 'reached') {
    yield* query('UPDATE hermes.budgets SET reached_at = $1 WHERE budget = $2 AND reached_at IS NULL', [
      now,
      decided.claim.key,
    ])
  }
  return decided
}

function ownSlices(keys: readonly string[], owner: string): Steps<readonly SliceRow[]> {
  return query<SliceRow>(
    `${SLICES} WHERE owner = $1 AND budget = ANY ($2::text[]) ORDER BY budget FOR UPDATE`,
    [owner, keys],
  )
}

function slicesOf(keys: readonly string[]): Steps<readonly SliceRow[]> {
  return query<SliceRow>(`${SLICES} WHERE budget = ANY ($1::text[]) ORDER BY budget, owner FOR UPDATE`, [
    keys,
  ])
}

function* lockedBudgets(keys: readonly string[]): Steps<ReadonlyMap<string, BudgetRow>> {
  const rows = yield* query<BudgetRow>(
    `SELECT budget, taken, spent, raised, raised_on FROM hermes.budgets WHERE budget = ANY ($1::text[])
       ORDER BY budget FOR UPDATE`,
    [keys],
  )
  return new Map(rows.map((row) => [row.budget, row]))
}

/** Rows that are there stay as they are. */
function* addRows(claims: readonly Claim[], owner: string, now: number): Steps<void> {
  const sorted = claims.toSorted((a, b) => (a.key < b.key ? -1 : 1))
  for (const one of sorted) yield* addBudget(one, now)
  for (const { key } of sorted) {
    yield* query(
      'INSERT INTO hermes.budget_slices (budget, owner) VALUES ($1, $2) ON CONFLICT (budget, owner) DO NOTHING',
      [key, owner],
    )
  }
}

function addBudget({ kind, key, subject }: Claim, now: number): Steps<unknown> {
  return query(
    'INSERT INTO hermes.budgets (budget, subject, at) VALUES ($1, $2, $3) ON CONFLICT (budget) DO NOTHING',
    [key, subject === null ? null : subjectOf(kind, subject), now],
  )
}

/** @param isNew false: the slices are written with it already */
function* addReservation(
  { turnId, conversationId, model, owner, now }: ReserveRequest,
  keys: readonly string[],
  amount: NanoUsd,
  isNew = true,
): Steps<void> {
  if (isNew) {
    yield* query(
      'UPDATE hermes.budget_slices SET reserved = reserved + $1 WHERE owner = $2 AND budget = ANY ($3::text[])',
      [amount, owner, keys],
    )
  }
  yield* query(
    `INSERT INTO hermes.reservations AS r (turn, budget, owner, conversation_id, model, amount, at)
       SELECT CAST($1 AS text), s.budget, s.owner, CAST($2 AS text), CAST($3 AS text), CAST($4 AS bigint), CAST($5 AS bigint)
       FROM hermes.budget_slices s WHERE s.owner = $6 AND s.budget = ANY ($7::text[])
       ON CONFLICT (turn, budget) DO UPDATE SET amount = r.amount + excluded.amount`,
    [turnId, conversationId, model, amount, now, owner, keys],
  )
}

function* writeRows(budgets: ReadonlyMap<string, BudgetRow>, slices: readonly SliceRow[]): Steps<void> {
  for (const { budget, owner, taken, reserved } of slices) {
    yield* query(
      'UPDATE hermes.budget_slices SET taken = $1, reserved = $2 WHERE budget = $3 AND owner = $4',
      [taken, reserved, budget, owner],
    )
  }
  for (const { budget, taken, spent } of budgets.values()) {
    yield* query('UPDATE hermes.budgets SET taken = $1, spent = $2 WHERE budget = $3', [taken, spent, budget])
  }
}

/** What settles reservations, as parts of a transaction; those that are not open are passed over. */
export function settleStatements(settlements: readonly Settlement[]): readonly Statement[] {
  if (settlements.length === 0) return []
  const turns = settlements.map(({ turnId }) => turnId)
  return [
    { sql: LOCK_SETTLED, params: [turns] },
    ...settlements.map(({ turnId, cost }) => ({ sql: SETTLE, params: [cost, turnId] })),
    { sql: 'DELETE FROM hermes.reservations WHERE turn = ANY ($1::text[])', params: [turns] },
  ]
}

const LOCK_SETTLED = `SELECT s.budget FROM hermes.reservations r
  JOIN hermes.budget_slices s ON s.budget = r.budget AND s.owner = r.owner
  WHERE r.turn = ANY ($1::text[]) ORDER BY s.budget, s.owner FOR UPDATE OF s`
const SETTLE = `UPDATE hermes.budget_slices AS s SET reserved = s.reserved - r.amount, spent = s.spent + $1
  FROM hermes.reservations r WHERE r.turn = $2 AND s.budget = r.budget AND s.owner = r.owner`

/** See `Budgets.settle`. */
export function* settle(settlements: readonly Settlement[]): Steps<void> {
  for (const { sql, params } of settleStatements(settlements)) yield* query(sql, params)
}

/** The processes that have slices or reservations, but for this one. */
export function* otherOwners(owner: string): Steps<readonly string[]> {
  const rows = yield* query<{ owner: string }>(
    `SELECT owner FROM hermes.budget_slices WHERE owner <> $1 UNION SELECT owner FROM hermes.reservations WHERE owner <> $1`,
    [owner],
  )
  return rows.map((row) => row.owner)
}

/** Requests whose outcome nobody knows, as entries of the ledger: what was reserved for them is what they cost. */
const LOST = `INSERT INTO hermes.turns (id, conversation, model, leased_at, finished_at, model_ms, input_tokens,
    output_tokens, cache_read_tokens, cache_write_tokens, kind, cost, estimated)
  SELECT r.turn, c.key, r.model, min(r.at), CAST($2 AS bigint), 0, 0, 0, 0, 0, 'lost', CAST(max(r.amount) AS bigint), TRUE
  FROM hermes.reservations r JOIN hermes.conversations c ON c.id = r.conversation_id
  WHERE r.owner = ANY ($1::text[]) GROUP BY r.turn, c.key, r.model`

/** Ends the slices of processes that are gone, or of one that stops. */
export function* closeSlices(owners: readonly string[], now: number): Steps<void> {
  if (owners.length === 0) return
  const slices = yield* query<SliceRow>(
    `${SLICES} WHERE owner = ANY ($1::text[]) ORDER BY budget, owner FOR UPDATE`,
    [owners],
  )
  const open = yield* query<OpenReservation>(
    'SELECT budget, owner, amount FROM hermes.reservations WHERE owner = ANY ($1::text[])',
    [owners],
  )
  const keys = [...new Set(slices.map(({ budget }) => budget))].toSorted()
  const budgets = yield* lockedBudgets(keys)
  decideClose(budgets, slices, open)
  yield* writeRows(budgets, [])
  yield* query(LOST, [owners, now])
  yield* query('DELETE FROM hermes.budget_slices WHERE owner = ANY ($1::text[])', [owners])
  yield* query('DELETE FROM hermes.reservations WHERE owner = ANY ($1::text[])', [owners])
}

/** See `Budgets.use`. */
export function* use(claims: readonly Claim[], now: number): Steps<readonly BudgetUse[]> {
  interface UseRow extends Pick<BudgetRow, 'budget' | 'raised' | 'raised_on'> {
    readonly spent: NanoUsd
    readonly reached_at: number | null
  }
  const rows = yield* query<UseRow>(
    `SELECT b.budget, b.raised, b.raised_on, b.reached_at, b.spent + coalesce((SELECT CAST(sum(s.spent) AS bigint)
         FROM hermes.budget_slices s WHERE s.budget = b.budget), 0) AS spent
       FROM hermes.budgets b WHERE b.budget = ANY ($1::text[])`,
    [claims.map(({ key }) => key)],
  )
  const today = dayOf(now)
  return claims.map((claim) => {
    const row = rows.find(({ budget }) => budget === claim.key)
    return {
      claim,
      spent: row?.spent ?? 0,
      raised: row?.raised_on === today ? row.raised : 0,
      reachedAt: row?.reached_at ?? null,
    }
  })
}

/** See `Budgets.raise`. */
export function* raise(claims: readonly Claim[], amount: NanoUsd, now: number): Steps<void> {
  const today = dayOf(now)
  for (const one of claims.toSorted((a, b) => (a.key < b.key ? -1 : 1))) {
    yield* addBudget(one, now)
    yield* query(
      `UPDATE hermes.budgets SET raised = CASE WHEN raised_on = $1 THEN raised + $2 ELSE $2 END, raised_on = $1,
         reached_at = NULL WHERE budget = $3`,
      [today, amount, one.key],
    )
  }
}

/** Removes what is known of the budgets of a person, or of a conversation. */
export function removeBudgetsOf(kind: 'person' | 'chat', subject: string): Steps<void> {
  return removeBudgets('subject = $1', subjectOf(kind, subject))
}

/** Removes budgets that ended long ago. */
export function removeOldBudgets(before: number): Steps<void> {
  return removeBudgets('at < $1', before)
}

function* removeBudgets(condition: string, value: string | number): Steps<void> {
  const those = `(SELECT budget FROM hermes.budgets WHERE ${condition})`
  for (const table of ['reservations', 'budget_slices'])
    yield* query(`DELETE FROM hermes.${table} WHERE budget IN ${those}`, [value])
  yield* query(`DELETE FROM hermes.budgets WHERE ${condition}`, [value])
}

/** A person's own chat may have the person's id. */
function subjectOf(kind: Claim['kind'], subject: string): string {
  return `${kind} ${subject}`
}
