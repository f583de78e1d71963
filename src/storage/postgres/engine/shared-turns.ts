import type { Lease, TurnTerms } from '../../../inbox/lease.ts'
import type { ConversationId } from '../../../inbox/message.ts'
import type { Changes } from '../../policy/changes.ts'
import type { MessageRow } from '../../rows/rows.ts'
import type { Queryable } from '../connection/database.ts'
import type { ConversationRow } from '../rows.ts'

/** The end of a turn that was stored together with what follows it. */
export interface SettledTurn {
  readonly conversationId: ConversationId
  /** The job that was removed; null = the conversation had none. */
  readonly job: string | null
  /** More waits, and a job was sent for it. */
  readonly more: boolean
  /** More is held, and waits without a job for the end of the outage. */
  readonly isHeld: boolean
}

/** The turns of this process in the work that it shares with others. */
export interface SharedTurns {
  /** Nothing known to this process prevents answering. */
  readonly mayAnswer: boolean
  /**
   * Room for one turn that begins in a transaction of the store; null = none. Followed by `release` when the
   * transaction is over.
   */
  reserve(): TurnTerms | null
  release(turns: number): void
  /** These leases were granted without being asked for. */
  begun(leases: readonly Lease[]): void
  /** Leases may have been granted in these conversations: nobody else can find out. */
  uncertain(ids: readonly ConversationId[]): void
  /** What was granted to this process and not handed out; `unknown`: it has to be asked for again. */
  granted(id: ConversationId): Lease | 'unknown' | null
  /** A lease was asked for. `known`: the store has said what became of it. */
  asked(id: ConversationId, known: boolean): void
  settled(turns: readonly SettledTurn[]): void
  /** Removes jobs that are over, in the transaction. */
  removeJobs(tx: Queryable, jobs: readonly string[]): Promise<void>
}

/** What one transaction does to the shared turns: decided in it, and announced when its outcome is known. */
export class TurnsOfTransaction {
  readonly #turns: SharedTurns | null
  #reserved = 0
  readonly #beginning: ConversationId[] = []
  readonly #leases: Lease[] = []
  readonly #ended: Array<{
    readonly conversation: ConversationRow
    readonly job: string | null
    readonly isHeld: boolean
  }> = []

  constructor(turns: SharedTurns | null) {
    this.#turns = turns
  }

  /** Room for one more turn that begins in this transaction; null = none. */
  reserve(): TurnTerms | null {
    const terms = this.#turns?.reserve() ?? null
    if (terms) this.#reserved++
    return terms
  }

  /** A turn begins with the arrival of its message. A living process answers it, so no job is needed. */
  begin(conversation: ConversationRow, changes: Changes): void {
    changes.woken.delete(conversation.key)
    this.#beginning.push(conversation.id)
  }

  /** The lease of a turn that begins, complete. */
  add(lease: Lease): void {
    this.#leases.push(lease)
  }

  /** A turn has ended: its job is over, and the messages behind it get the next one. */
  settle(conversation: ConversationRow, waiting: readonly MessageRow[], changes: Changes): void {
    if (!this.#turns) return
    const next = waiting.find(({ state }) => state === 'received' || state === 'held')
    const isHeld = next?.state === 'held' && !this.#turns.mayAnswer
    this.#ended.push({ conversation, job: conversation.wake_job, isHeld })
    conversation.wake_job = null
    if (next && !isHeld) changes.wake(conversation)
  }

  /** Sends the removal of the jobs that are over. @returns as soon as it was sent: the commit comes behind it */
  async sendRemovals(tx: Queryable): Promise<{ readonly removed: Promise<void> }> {
    const jobs = this.#ended.flatMap(({ job }) => job ?? [])
    if (!this.#turns || jobs.length === 0) return { removed: Promise.resolve() }
    const { promise: sent, resolve } = Promise.withResolvers<void>()
    const noted: Queryable = {
      query: (sql, params) => {
        const answer = tx.query<never>(sql, params)
        resolve()
        return answer
      },
    }
    const removed = this.#turns.removeJobs(noted, jobs)
    await Promise.race([sent, removed])
    return { removed }
  }

  committed(): void {
    this.#turns?.settled(
      this.#ended.map(({ conversation, job, isHeld }) => {
        return { conversationId: conversation.id, job, more: conversation.wake_job !== null, isHeld }
      }),
    )
    this.#turns?.begun(this.#leases)
  }

  /** The connection was lost: the turns may have begun, with a living owner who does not know it. */
  unknown(): void {
    this.#turns?.uncertain(this.#beginning)
  }

  /** Whatever became of the transaction. */
  release(): void {
    this.#turns?.release(this.#reserved)
  }
}
