import type { Database } from '../connection/database.ts'
import { isAnswer, isLockTimeout } from '../connection/failures.ts'
import type { StoreContext } from '../inbox/apply.ts'
import { TurnsOfTransaction, type SharedTurns } from './shared-turns.ts'
import { StepBatch } from './step-batch.ts'
import type { RunTogether, StepResult } from './step-engine.ts'
import type { Step } from './steps.ts'

/** Runs steps of many conversations in one transaction of three round trips. */
export function stepTransactions(
  database: Database,
  context: StoreContext,
  turns: SharedTurns | null,
): RunTogether<Step> {
  return async (steps, queues) => {
    let own = new TurnsOfTransaction(turns)
    let results: readonly StepResult[]
    try {
      results = await database.transaction((tx) => {
        // The transaction runs again from its start when the server asks for it.
        own.release()
        own = new TurnsOfTransaction(turns)
        return new StepBatch(tx, context, own, steps, queues).run()
      })
    } catch (error) {
      // Its changes were rolled back, so the count is wrong.
      context.waitingTotal.forget()
      own.release()
      if (queues && isLockTimeout(error)) return steps.map(() => ({ kind: 'locked' }))
      if (!isAnswer(error)) own.unknown()
      throw error
    }
    own.release()
    own.committed()
    return results
  }
}
