import { randomUUID } from 'node:crypto'
import { Changes } from '../../policy/changes.ts'
import { decideFinish } from '../../policy/finish.ts'
import { WAITING } from '../../rows/rows.ts'
import { asLast, type Database, type Queryable, type Transaction } from '../connection/database.ts'
import { write } from '../inbox/apply.ts'
import { CONVERSATION_COLUMNS, waitingRows, type ConversationRow } from '../rows.ts'
import type { TakenWakeUp, WakeUp, WakeUpQueue } from './wake-up-queue.ts'
import { WakeUpWindow } from './wake-up-window.ts'

/** Conversations woken per transaction: it stays short, and their order is kept. */
const WOKEN_AT_ONCE = 200

/** Waiting messages read for each job that may be sent: most are the only one of their conversation. */
const READ_PER_JOB = 2

/** Messages that wait, oldest first; of some only that they were read. */
interface Waiting {
  readonly key: number
  /** The conversation, where it has no job and nobody alive answers; null = nothing is to be done. */
  readonly id: string | null
}

/** A conversation whose turn has ended in this process. */
export interface FinishedTurn {
  /** The wake-up that handed it out; null = none, it is only suspected to have work. */
  readonly wakeUp: TakenWakeUp | null
  readonly conversationId: string
  /** Not before that moment, in epoch milliseconds; null = as soon as there is room. */
  readonly retryAt: number | null
  /** This process may still hold its lease, see `giveBack`. */
  readonly leased?: boolean
}

interface Locked {
  readonly key: number
  readonly id: string
  readonly wake_job: string | null
  /** A live process is answering. */
  readonly leased: boolean
}

interface Head {
  readonly conversation: number
  readonly state: string
  readonly not_before: number
}

/**
 * Keeps the pg-boss jobs in step with the waiting messages. The invariant: a conversation with work that no
 * live process is answering has a job, and `wake_job` is its id. Everything that could break it is decided
 * under the lock of the conversation's row, so no wake-up is lost and none is doubled.
 *
 * While more conversations wait than the queue is to hold, the others have no job yet: `wakeMore` sends theirs
 * in the order of their age.
 */
export class WakeUps {
  readonly #database: Database
  readonly #queue: WakeUpQueue
  readonly #window: WakeUpWindow
  /** Conversations were left without a job because the queue was full. */
  #hasLeftOut = false
  /** The message up to which `wakeMore` has read. */
  #position = 0

  constructor(database: Database, queue: WakeUpQueue) {
    this.#database = database
    this.#queue = queue
    this.#window = new WakeUpWindow(queue)
  }

  /** Work waits without a job, as far as this process left it: `wakeMore` is to be called again. */
  get hasLeftOut(): boolean {
    return this.#hasLeftOut
  }

  /**
   * As `Wake`. A conversation that has a job, or is being answered, is checked anyway when the turn ends; of a
   * dead process `takeOver` finds it.
   */
  wanted(conversations: readonly ConversationRow[]): ((tx: Transaction) => Promise<void>) | null {
    const wakeUps: WakeUp[] = []
    for (const conversation of conversations) {
      if (conversation.wake_job !== null || conversation.lease_turn !== null) continue
      if (this.#window.isFull) {
        this.#hasLeftOut = true
        continue
      }
      const job = (conversation.wake_job = randomUUID())
      wakeUps.push({ job, conversationId: conversation.id, delayMs: 0 })
    }
    this.#window.sent(wakeUps.length)
    return wakeUps.length === 0 ? null : (tx) => this.#queue.send(asLast(tx), wakeUps)
  }

  /**
   * Turns have ended: their jobs are removed, and where there is more to do a new job is added at the end
   * of the queue, so that a flooding conversation waits its turn like any other.
   *
   * @param now epoch milliseconds
   * @param mayAnswer false: what is held stays without a job until `wakeAll`
   * @returns how many have more to do now
   */
  finishTurns(finished: readonly FinishedTurn[], now: number, mayAnswer: boolean): Promise<number> {
    const byId = Map.groupBy(finished, ({ conversationId }) => conversationId)
    return this.#database.transaction(async (tx) => {
      const [rows, heads] = await this.#lock(tx, [...byId.keys()])
      const next: WakeUp[] = []
      const changed: Array<{ key: number; job: string | null }> = []
      for (const row of rows) {
        const own = byId.get(row.id)!
        // Another job is responsible for it: this one had been presumed lost.
        if (row.wake_job !== null && own.every(({ wakeUp }) => wakeUp?.id !== row.wake_job)) continue
        const retryAt = Math.max(now, ...own.map((one) => one.retryAt ?? now))
        const head = heads.get(row.key)
        const wanted = head !== undefined && !row.leased && (mayAnswer || head.state !== 'held')
        const job = wanted ? randomUUID() : null
        if (job !== row.wake_job) changed.push({ key: row.key, job })
        if (job === null) continue
        const delayMs = Math.max(head!.not_before, retryAt) - now
        next.push({ job, conversationId: row.id, delayMs })
      }
      const over = finished.flatMap(({ wakeUp }) => wakeUp?.id ?? [])
      // Sent together, executed in order.
      await Promise.all([
        this.#write(tx, changed),
        this.#queue.remove(next.length === 0 ? asLast(tx) : tx, over),
      ])
      await this.#queue.send(asLast(tx), next)
      return next.filter(({ delayMs }) => delayMs === 0).length
    })
  }

  /** Ends the leases that `owner` has in these conversations and will not use: their messages wait again. */
  giveBack(ids: readonly string[], owner: string, now: number): Promise<void> {
    return this.#database.transaction(async (tx) => {
      const leased = await tx.query<ConversationRow>(
        `SELECT ${CONVERSATION_COLUMNS} FROM hermes.conversations c
           WHERE c.id = ANY($1::text[]) AND c.lease_turn IS NOT NULL AND c.lease_owner = $2 ORDER BY c.key FOR UPDATE`,
        [ids, owner],
      )
      const waiting = await waitingRows(
        tx,
        leased.map(({ key }) => key),
      )
      const changes = new Changes(new Set())
      for (const conversation of leased) {
        const { id: conversationId, generation, lease_turn } = conversation
        const rows = {
          conversation,
          waiting: waiting.get(conversation.key) ?? [],
          outage: null,
          withdrawn: [],
        }
        const lease = {
          conversationId,
          turnId: lease_turn!,
          generation,
          messages: [],
          person: null,
          hasContext: false,
        }
        decideFinish(rows, lease, { kind: 'returned' }, now, changes)
      }
      await write(tx, changes)
    })
  }

  /**
   * These conversations are to be checked now, whatever was known of them.
   *
   * @returns the ids of their jobs
   */
  wake(ids: readonly string[]): Promise<readonly string[]> {
    return this.#database.transaction(async (tx) => {
      const [rows, heads] = await this.#lock(tx, ids)
      const idle = rows.filter((row) => heads.has(row.key) && !row.leased)
      await this.#queue.remove(
        tx,
        idle.flatMap(({ wake_job }) => wake_job ?? []),
      )
      const woken = idle.map((row) => ({ row, job: randomUUID() }))
      await this.#write(
        tx,
        woken.map(({ row, job }) => ({ key: row.key, job })),
      )
      await this.#queue.send(
        tx,
        woken.map(({ row, job }) => ({ job, conversationId: row.id, delayMs: 0 })),
      )
      return woken.map(({ job }) => job)
    })
  }

  /** Returns every fetched job to the queue: the process that fetched it is gone. */
  async wakeTaken(): Promise<void> {
    let after = 0
    for (;;) {
      const some = await this.#database.query<{ key: number; id: string }>(
        `SELECT key, id FROM hermes.conversations WHERE wake_job IS NOT NULL AND key > $1 ORDER BY key LIMIT $2`,
        [after, WOKEN_AT_ONCE],
      )
      if (some.length === 0) return
      await this.wake(some.map(({ id }) => id))
      after = some.at(-1)!.key
    }
  }

  /**
   * Restarts the turns of a dead process, sooner than its jobs time out.
   *
   * @param known jobs already created for them that no process has fetched yet; kept by the caller
   */
  async takeOver(known: Set<string>): Promise<number> {
    const orphaned = await this.#database.query<{ id: string; wake_job: string | null }>(
      `SELECT c.id, c.wake_job FROM hermes.conversations c WHERE c.lease_turn IS NOT NULL AND NOT ${LEASED}
         ORDER BY c.key LIMIT $1`,
      [WOKEN_AT_ONCE],
    )
    const jobs = new Set(orphaned.map(({ wake_job }) => wake_job))
    for (const job of known) if (!jobs.has(job)) known.delete(job)
    const fresh = orphaned.filter(({ wake_job }) => wake_job === null || !known.has(wake_job))
    if (fresh.length === 0) return 0
    for (const job of await this.wake(fresh.map(({ id }) => id))) known.add(job)
    return fresh.length
  }

  /**
   * Every conversation with work that has no job gets one, the longest waiting first, as far as the queue
   * has room: after an outage, and as a fallback for what a dead process had left undone.
   *
   * @returns how many did
   */
  wakeAll(): Promise<number> {
    this.#position = 0
    return this.wakeMore()
  }

  /** As `wakeAll`, from where the last one stopped. */
  async wakeMore(): Promise<number> {
    let woken = 0
    for (;;) {
      const room = await this.#window.measure()
      this.#hasLeftOut = room <= 0
      if (room <= 0) return woken
      const waiting = await this.#waiting(room * READ_PER_JOB)
      const idle = waiting.filter(({ id }) => id !== null)
      const end = idle[room - 1] ?? waiting.at(-1)
      this.#position = end?.key ?? 0
      const ids = [...new Set(idle.slice(0, room).map(({ id }) => id!))]
      for (let from = 0; from < ids.length; from += WOKEN_AT_ONCE) {
        const finished = ids
          .slice(from, from + WOKEN_AT_ONCE)
          .map((conversationId) => ({ wakeUp: null, conversationId, retryAt: null }))
        woken += await this.finishTurns(finished, Date.now(), true)
      }
      if (waiting.length < room * READ_PER_JOB && idle.length <= room) {
        this.#position = 0
        return woken
      }
    }
  }

  #waiting(limit: number): Promise<readonly Waiting[]> {
    return this.#database.query<Waiting>(
      `SELECT w.key, CASE WHEN c.wake_job IS NULL AND NOT ${LEASED} THEN c.id END AS id
         FROM (SELECT key, conversation FROM (${WAITING_STATES.map(
           (state) => `(SELECT key, conversation FROM hermes.messages
             WHERE state <> 'answered' AND state = '${state}' AND key > $1 ORDER BY key LIMIT $2)`,
         ).join(' UNION ALL ')}) s ORDER BY key LIMIT $2) w
         JOIN hermes.conversations c ON c.key = w.conversation ORDER BY w.key`,
      [this.#position, limit],
    )
  }

  /** Clears the reference of conversations to a job that no longer exists, so that `wakeAll` finds them. */
  async wakeLost(): Promise<number> {
    const lost = await this.#queue.lost()
    await this.#database.query(
      `UPDATE hermes.conversations c SET wake_job = NULL
         FROM unnest($1::bigint[], $2::uuid[]) AS v (key, job) WHERE c.key = v.key AND c.wake_job = v.job`,
      [lost.map(({ key }) => key), lost.map(({ job }) => job)],
    )
    return lost.length
  }

  /** Locks the conversations, and says by their keys what is next in each that has work. */
  async #lock(
    tx: Queryable,
    ids: readonly string[],
  ): Promise<readonly [readonly Locked[], ReadonlyMap<number, Head>]> {
    const [rows, heads] = await Promise.all([
      // In the order of keys, as every transaction that locks several of them does.
      tx.query<Locked>(
        `SELECT c.key, c.id, c.wake_job, ${LEASED} AS leased FROM hermes.conversations c
           WHERE c.id = ANY($1::text[]) ORDER BY c.key FOR UPDATE OF c`,
        [ids],
      ),
      // A separate statement: it must see what was committed while waiting for the locks.
      tx.query<Head>(
        `SELECT DISTINCT ON (m.conversation) m.conversation, m.state, m.not_before
           FROM hermes.conversations c JOIN hermes.messages m ON m.conversation = c.key AND m.${WAITING}
           WHERE c.id = ANY($1::text[]) ORDER BY m.conversation, m.seq`,
        [ids],
      ),
    ])
    return [rows, new Map(heads.map((head) => [head.conversation, head]))]
  }

  async #write(tx: Queryable, changed: ReadonlyArray<{ key: number; job: string | null }>): Promise<void> {
    if (changed.length === 0) return
    await tx.query(
      `UPDATE hermes.conversations c SET wake_job = v.job
         FROM unnest($1::bigint[], $2::uuid[]) AS v (key, job) WHERE c.key = v.key`,
      [changed.map(({ key }) => key), changed.map(({ job }) => job)],
    )
  }
}

/** As in `WAITING`; within each the index is in the order of age. */
const WAITING_STATES = ['received', 'answering', 'held'] as const

/** A live process is answering in conversation `c`. */
const LEASED = `(c.lease_turn IS NOT NULL AND EXISTS
  (SELECT 1 FROM hermes.processes p WHERE p.id = c.lease_owner AND p.expires_at > clock_timestamp()))`
