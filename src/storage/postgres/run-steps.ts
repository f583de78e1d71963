import type { Operations, Parameter, ResultOf, Steps } from '../records/steps.ts'
import type { Queryable } from './connection/database.ts'
import { clean } from './connection/statements.ts'

/** Runs an operation that both databases share. All or nothing only within a transaction. */
export async function runSteps<Result>(db: Queryable, steps: Steps<Result>): Promise<Result> {
  for (let step = steps.next(); ;) {
    if (step.done) return step.value
    const { sql, params } = step.value
    step = steps.next(await db.query(sql, params.map(cleanValue)))
  }
}

/** Operations that both databases share, each of one statement or a reading one, run on `db`. */
export function bound<Shared extends Operations>(
  db: Queryable,
  operations: Shared,
): { [Name in keyof Shared]: (...args: Parameters<Shared[Name]>) => Promise<ResultOf<Shared[Name]>> } {
  const entries = Object.entries(operations).map(([name, operation]) => [
    name,
    (...args: never[]) => runSteps(db, operation(...args)),
  ])
  return Object.fromEntries(entries) as ReturnType<typeof bound<Shared>>
}

function cleanValue(value: Parameter): unknown {
  return typeof value === 'string' ? clean(value) : value
}
