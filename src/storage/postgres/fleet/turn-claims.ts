import { isLease, type Lease, type NotYet, type TurnTerms } from '../../../inbox/lease.ts'
import type { ConversationId } from '../../../inbox/message.ts'
import type { Clock } from '../../../support/clock.ts'
import type { Database } from '../connection/database.ts'
import { DatabaseError, isAnswer } from '../connection/failures.ts'
import { TurnsOfTransaction } from '../engine/shared-turns.ts'
import { StepBatch } from '../engine/step-batch.ts'
import { leaseStep } from '../engine/steps.ts'
import type { Wake } from '../inbox/apply.ts'
import { WaitingTotal } from '../inbox/waiting-total.ts'
import type { TakenWakeUp, WakeUpQueue } from './wake-up-queue.ts'

/** Conversations that this process has fetched, and the leases of most of them. */
export interface Claimed {
  readonly taken: readonly TakenWakeUp[]
  readonly leases: readonly Lease[]
}

/** The connection was lost: these may be fetched and leased, with a living owner who does not know it. */
export class UncertainClaim extends Error {
  readonly ids: readonly ConversationId[]

  constructor(ids: readonly ConversationId[], cause: unknown) {
    super('it is not known whether conversations were claimed', { cause })
    this.ids = ids
  }
}

export interface TurnClaimsOptions {
  readonly database: Database
  readonly queue: Pick<WakeUpQueue, 'fetchIn'>
  readonly wake: Wake
  readonly clock: Clock
}

/** Fetches conversations from the shared queue and leases them, in one transaction where that works. */
export class TurnClaims {
  readonly #options: TurnClaimsOptions
  /** The counts of others are read again within a second. */
  readonly #waitingTotal: WaitingTotal

  constructor(options: TurnClaimsOptions) {
    this.#options = options
    this.#waitingTotal = new WaitingTotal(options.clock)
  }

  /** @throws UncertainClaim; StoreError when nothing was claimed */
  async claim(limit: number, terms: TurnTerms): Promise<Claimed> {
    const { database, queue, wake, clock } = this.#options
    const context = { pullChannels: new Set<string>(), wake, waitingTotal: this.#waitingTotal }
    let taken: readonly TakenWakeUp[] = []
    try {
      return await database.transaction(async (tx) => {
        taken = await queue.fetchIn(tx, limit)
        if (taken.length === 0) return { taken, leases: [] }
        const now = clock.now()
        const steps = taken.map(({ conversationId }) => leaseStep({ ...terms, conversationId, now }))
        const results = await new StepBatch(tx, context, new TurnsOfTransaction(null), steps).run()
        // What is locked by others, or has nothing to do now, is asked for when its turn comes.
        const leases = results.flatMap((result) => {
          const found = result.kind === 'done' ? (result.value as Lease | NotYet | null) : null
          return isLease(found) ? found : []
        })
        return { taken, leases }
      })
    } catch (error) {
      // The engine tolerates that another process was faster; the database undoes the transaction all the same.
      if (taken.length === 0 && !(error instanceof DatabaseError)) return { taken, leases: [] }
      if (taken.length === 0) throw error
      // One of them may be the cause; each is leased when its turn comes, and fails alone.
      if (isAnswer(error)) return { taken: await queue.fetchIn(database, limit), leases: [] }
      throw new UncertainClaim(
        taken.map(({ conversationId }) => conversationId),
        error,
      )
    }
  }
}
