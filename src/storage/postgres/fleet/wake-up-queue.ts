import type { Client } from 'pg'
import { PgBoss } from 'pg-boss'
import { DAY, HOUR, SECOND } from '../../../support/clock.ts'
import type { Queryable } from '../connection/database.ts'

/** Where pg-boss keeps its tables. */
const SCHEMA = 'hermes_boss'
const QUEUE = 'conversations'

/** The minimum of pg-boss: the jobs of a dead worker are recovered this long after its last heartbeat. */
const HEARTBEAT_SECONDS = 10
/** A touch may come late twice before the job counts as abandoned. */
export const TOUCH_EVERY_MS = 3 * SECOND
/** The maximum of pg-boss. A job is one turn, and a turn ends long before. */
const EXPIRE_SECONDS = (24 * HOUR) / SECOND - 1
/** A wake-up never goes stale: an outage may last for weeks. */
const RETENTION_SECONDS = (3_650 * DAY) / SECOND
/** A job that failed for good would block its conversation, so it never fails. */
const RETRY_LIMIT = 1_000_000

/** A wake-up being sent: the conversation is to be checked. */
export interface WakeUp {
  /** A UUID. */
  readonly job: string
  readonly conversationId: string
  /** From now on, by the database's clock. */
  readonly delayMs: number
}

/** A wake-up that this process has fetched, and is responsible for until it is removed. */
export interface TakenWakeUp {
  readonly id: string
  readonly retryCount: number
  readonly conversationId: string
}

interface JobData {
  readonly conversation: string
}

/**
 * The queue of conversations that have work, one job each. pg-boss only wakes: our own tables decide order,
 * state and duplicates. Finished jobs are removed, not kept, so that the table is as small as the backlog.
 */
export class WakeUpQueue {
  readonly #boss: PgBoss
  readonly #database: Queryable

  private constructor(boss: PgBoss, database: Queryable) {
    this.#boss = boss
    this.#database = database
  }

  static async open(database: Queryable): Promise<WakeUpQueue> {
    const boss = bossOn(adapter(database))
    await boss.start()
    return new WakeUpQueue(boss, database)
  }

  /** In the transaction that gave the conversations their work. */
  async send(tx: Queryable, wakeUps: readonly WakeUp[]): Promise<void> {
    if (wakeUps.length === 0) return
    const jobs = wakeUps.map(({ job, conversationId, delayMs }) => ({
      id: job,
      singletonKey: conversationId,
      data: { conversation: conversationId } satisfies JobData,
      ...(delayMs > 0 ? { startAfter: delayMs / SECOND } : {}),
    }))
    await this.#boss.insert(QUEUE, jobs, { db: adapter(tx) })
  }

  async remove(tx: Queryable, jobs: readonly string[]): Promise<void> {
    if (jobs.length > 0) await this.#boss.deleteJob(QUEUE, [...jobs], { db: adapter(tx) })
  }

  /** Fetches up to `limit` conversations that no other process has, the longest waiting first. */
  fetch(limit: number): Promise<readonly TakenWakeUp[]> {
    return this.fetchIn(this.#database, limit)
  }

  /** As `fetch`, within a transaction: the conversations are fetched when it is committed. */
  async fetchIn(tx: Queryable, limit: number): Promise<readonly TakenWakeUp[]> {
    // A prepared statement although it has no parameters: planning it each time takes longer than running it.
    const jobs = await this.#boss.fetch<JobData>(QUEUE, { batchSize: limit, db: adapter(tx, []) })
    return jobs.map(({ id, retryCount, data }) => ({ id, retryCount, conversationId: data.conversation }))
  }

  /** How many wait to be fetched now, counted up to `limit`. */
  async due(limit: number): Promise<number> {
    const [row] = await this.#database.query<{ n: number }>(
      `SELECT count(*) AS n FROM (SELECT 1 FROM ${SCHEMA}.job
         WHERE name = $1 AND state < 'active' AND start_after <= now() LIMIT $2) j`,
      [QUEUE, limit],
    )
    return row!.n
  }

  /** Heartbeat for these jobs: this process still works on them. */
  async touch(taken: readonly TakenWakeUp[]): Promise<void> {
    if (taken.length === 0) return
    await this.#boss.touch(
      QUEUE,
      taken.map(({ id, retryCount }) => ({ id, retryCount })),
    )
  }

  /** Returns the jobs of dead processes. Run by one process of the fleet, every few seconds. */
  async supervise(): Promise<void> {
    await this.#boss.supervise(QUEUE)
  }

  /** Wake-ups whose job no longer exists, although the conversation still refers to it. */
  lost(): Promise<ReadonlyArray<{ readonly key: number; readonly job: string }>> {
    return this.#database.query(
      `SELECT c.key, c.wake_job AS job FROM hermes.conversations c
         LEFT JOIN ${SCHEMA}.job j ON j.name = $1 AND j.id = c.wake_job AND j.state < 'completed'
         WHERE c.wake_job IS NOT NULL AND j.id IS NULL`,
      [QUEUE],
    )
  }

  async close(): Promise<void> {
    await this.#boss.stop({ graceful: false, close: false })
  }
}

/** Makes or migrates pg-boss's own tables, by one process at a time: for `migrate`. */
export async function prepareQueue(client: Client): Promise<void> {
  const boss = bossOn({
    executeSql: async (text, values) => ({ rows: (await client.query<never>(text, values)).rows }),
  })
  await boss.start()
  try {
    const settings = {
      retryLimit: RETRY_LIMIT,
      retryDelay: 0,
      heartbeatSeconds: HEARTBEAT_SECONDS,
      expireInSeconds: EXPIRE_SECONDS,
      retentionSeconds: RETENTION_SECONDS,
    }
    await boss.createQueue(QUEUE, { policy: 'key_strict_fifo', ...settings })
  } finally {
    await boss.stop({ graceful: false, close: false })
  }
}

function bossOn(db: Statements): PgBoss {
  const boss = new PgBoss({
    db,
    schema: SCHEMA,
    // `prepareQueue` comes first, so nothing is ever migrated outside its lock. But pg-boss that is not to
    // migrate starts on tables of its own version alone: a process of the previous version would not start
    // again while newer ones run.
    migrate: true,
    // The process of the fleet with the upkeep right does it.
    supervise: false,
    monitorIntervalSeconds: 1,
    schedule: false,
  })
  // These errors are also thrown by the call that caused them.
  boss.on('error', () => {})
  boss.on('warning', () => {})
  return boss
}

/** The database interface that pg-boss expects. */
interface Statements {
  executeSql(text: string, values?: unknown[]): Promise<{ rows: never[] }>
}

/** @param none what a statement without values is given: by default it may be several, which cannot be prepared */
function adapter(queryable: Queryable, none?: readonly []): Statements {
  return {
    async executeSql(text, values) {
      const params = values && values.length > 0 ? values : none
      return { rows: [...((await queryable.query<never>(text, params)) ?? [])] }
    },
  }
}
