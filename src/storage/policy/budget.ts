import type { Claim, Need } from '../../usage/budget.ts'
import { dayOf } from '../../usage/ledger.ts'
import type { NanoUsd } from '../../usage/price-table.ts'

/** A budget in one period. */
export interface BudgetRow {
  /** See `Claim.key`. */
  readonly budget: string
  /** In the slices of all processes, also of those that are closed. */
  taken: NanoUsd
  /** From slices that are closed. */
  spent: NanoUsd
  /** Added by an operator, for the day `raised_on` alone. */
  readonly raised: NanoUsd
  readonly raised_on: string | null
}

/** What one process has taken of a budget: a process writes its own row, and mostly that alone. */
export interface SliceRow {
  readonly budget: string
  readonly owner: string
  taken: NanoUsd
  /** For requests that are being answered. */
  reserved: NanoUsd
  spent: NanoUsd
}

/** Small, so that little is missing elsewhere; large enough that most requests find room in it. */
const SLICE_SHARE = 0.02

export interface BudgetRows {
  /** By their keys; empty = not read, and only what the process has already taken is used. */
  readonly budgets: ReadonlyMap<string, BudgetRow>
  /** Of the process that asks, one for each claim; of all processes in the last try. */
  readonly slices: readonly SliceRow[]
}

export interface ReserveTerms extends Need {
  readonly owner: string
  readonly claims: readonly Claim[]
  readonly now: number
}

export type ReserveDecision =
  | { readonly kind: 'granted'; readonly amount: NanoUsd }
  /** Decide again with more rows. */
  | { readonly kind: 'more' }
  | { readonly kind: 'busy' }
  | { readonly kind: 'reached'; readonly claim: Claim; readonly raised: NanoUsd }

/** Whether the slices of the process have room for all of the request. Changes them if so. */
export function decideFromSlices({ slices }: BudgetRows, { most, claims, owner }: ReserveTerms): boolean {
  const own = claims.map(({ key }) => sliceOf(slices, key, owner))
  if (!own.every((slice) => slice && freeIn(slice) >= most)) return false
  for (const slice of own) slice!.reserved += most
  return true
}

/**
 * Room for a request in each of its budgets: as much as all of them have, up to what it may need. The rows are changed
 * in memory.
 *
 * @param isLast all slices of the budgets are given: what other processes have not used is taken back
 */
export function decideReservation(
  { budgets, slices }: BudgetRows,
  { claims, owner, most, least, now }: ReserveTerms,
  isLast: boolean,
): ReserveDecision {
  if (isLast) takeBack(budgets, slices, owner)
  const today = dayOf(now)
  const cases = claims.map((claim) => {
    const row = budgets.get(claim.key)!
    const own = sliceOf(slices, claim.key, owner)!
    const raised = row.raised_on === today ? row.raised : 0
    const left = claim.limit + raised - row.taken
    return { claim, row, own, raised, left, room: freeIn(own) + left }
  })
  const amount = Math.min(most, ...cases.map(({ room }) => room))
  // Before an answer is shortened, what others do not use is taken back.
  if (amount < most && !isLast) return { kind: 'more' }
  if (amount < least) {
    const reached = cases
      .filter(({ claim, room }) => room + reservedIn(slices, claim.key) < least)
      .toSorted((a, b) => b.claim.resetsAt - a.claim.resetsAt)[0]
    return reached ? { kind: 'reached', claim: reached.claim, raised: reached.raised } : { kind: 'busy' }
  }
  for (const { claim, row, own, left } of cases) {
    const missing = amount - freeIn(own)
    if (missing > 0) {
      const slice = Math.min(left, Math.max(missing, Math.floor(claim.limit * SLICE_SHARE)))
      own.taken += slice
      row.taken += slice
    }
    own.reserved += amount
  }
  return { kind: 'granted', amount }
}

/** A reservation that nobody will settle. */
export interface OpenReservation {
  readonly budget: string
  readonly owner: string
  readonly amount: NanoUsd
}

/**
 * Slices end: what was spent stays, what was reserved counts as spent, for nobody knows what it has cost, and the rest
 * is returned. The budgets' rows are changed in memory.
 */
export function decideClose(
  budgets: ReadonlyMap<string, BudgetRow>,
  slices: readonly SliceRow[],
  open: readonly OpenReservation[],
): void {
  for (const slice of slices) {
    const lost = open
      .filter(({ budget, owner }) => budget === slice.budget && owner === slice.owner)
      .reduce((sum, { amount }) => sum + amount, 0)
    const row = budgets.get(slice.budget)!
    row.taken -= slice.taken - slice.spent - lost
    row.spent += slice.spent + lost
  }
}

function takeBack(budgets: ReadonlyMap<string, BudgetRow>, slices: readonly SliceRow[], owner: string): void {
  for (const slice of slices) {
    const free = freeIn(slice)
    if (slice.owner === owner || free <= 0) continue
    slice.taken -= free
    budgets.get(slice.budget)!.taken -= free
  }
}

/** Below 0 where a request has cost more than was reserved for it. */
function freeIn({ taken, reserved, spent }: SliceRow): NanoUsd {
  return taken - reserved - spent
}

function reservedIn(slices: readonly SliceRow[], key: string): NanoUsd {
  return slices.filter(({ budget }) => budget === key).reduce((sum, { reserved }) => sum + reserved, 0)
}

function sliceOf(slices: readonly SliceRow[], key: string, of: string): SliceRow | undefined {
  return slices.find(({ budget, owner }) => budget === key && owner === of)
}
