import { limitConcurrency } from '../../support/limit-concurrency.ts'
import type { Budgets, Reserved } from '../../usage/budgets.ts'
import { closeSlices, otherOwners, raise, reserve, settle, use } from '../records/budgets.ts'
import type { Database, Queryable } from './connection/database.ts'
import { bound, runSteps } from './run-steps.ts'

/** The budgets of all gateways that share a database. */
export function postgresBudgets(database: Database): Budgets {
  // They lock the same rows: side by side they would only occupy connections.
  const oneByOne = limitConcurrency(1)
  const inOrder = <T>(work: (tx: Queryable) => Promise<T>) => oneByOne(() => database.transaction(work))
  return {
    async reserve(request) {
      const first = await inOrder((tx) => runSteps(tx, reserve(request, false)))
      if (first.kind !== 'more') return first
      // In a transaction of its own: it locks slices of others, which comes before anything else.
      return (await inOrder((tx) => runSteps(tx, reserve(request, true)))) as Reserved
    },
    settle: (settlements) => inOrder((tx) => runSteps(tx, settle(settlements))),
    close: (owner, now) => inOrder((tx) => runSteps(tx, closeSlices([owner], now))),
    async closeGone(owner, now) {
      const others = await runSteps(database, otherOwners(owner))
      const gone = others.length === 0 ? [] : await goneOf(database, others)
      if (gone.length > 0) await inOrder((tx) => runSteps(tx, closeSlices(gone, now)))
    },
    raise: (claims, amount, now) => inOrder((tx) => runSteps(tx, raise(claims, amount, now))),
    ...bound(database, { use }),
  }
}

async function goneOf(database: Queryable, owners: readonly string[]): Promise<readonly string[]> {
  const rows = await database.query<{ owner: string }>(
    `SELECT w.owner FROM unnest($1::text[]) AS w (owner) WHERE NOT EXISTS
       (SELECT 1 FROM hermes.processes p WHERE p.id = w.owner AND p.expires_at > clock_timestamp())`,
    [owners],
  )
  return rows.map(({ owner }) => owner)
}
