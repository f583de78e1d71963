import type { FleetMember } from '../../../inbox/fleet/fleet.ts'
import { SECOND, type Clock } from '../../../support/clock.ts'
import type { Queryable } from '../connection/database.ts'

/** A process without a heartbeat for this long is presumed dead: its work is taken over. */
const GONE_AFTER_MS = 8 * SECOND
/** Three heartbeats may be lost. */
const HEARTBEAT_MS = 2 * SECOND
/** Dead processes stay listed for a while, so that an operator can see which one is gone. */
const FORGOTTEN_AFTER = '1 day'

/** A live gateway process; its rights are in the leases. `since` is by the database's clock. */
type Member = Omit<FleetMember, 'holds'>

export interface ProcessOptions extends Omit<Member, 'since'> {
  readonly database: Queryable
  /** Identifies the home whose lock this process holds: any earlier process on it is gone. */
  readonly home: string
  readonly clock: Clock
  /** The others had presumed this process dead, and sent it nothing. */
  readonly onReturned: () => void
  readonly onProblem: (error: unknown) => void
}

/** This process as a member of the fleet: sends its heartbeat, and knows the other live processes. */
export class Processes {
  readonly #options: ProcessOptions
  #members: readonly Member[] = []
  #beating: Promise<void> = Promise.resolve()
  #timer: NodeJS.Timeout | null = null

  constructor(options: ProcessOptions) {
    this.#options = options
  }

  /** The processes alive at the last heartbeat, this one included, in the order in which they joined. */
  get members(): readonly Member[] {
    return this.#members
  }

  /** Resolves when the others can see this process. @throws StoreError */
  async start(): Promise<void> {
    await this.#releaseOfEarlierProcess()
    await this.#beat()
    await this.load()
    // Its own timer: the heartbeat must run exactly as long as the event loop does.
    this.#timer = setInterval(() => {
      this.#beating = this.#beatAgain().catch(this.#options.onProblem)
    }, HEARTBEAT_MS).unref()
  }

  /** Leaves at once, so that its work is taken over without a wait. */
  async stop(): Promise<void> {
    if (this.#timer) clearInterval(this.#timer)
    await this.#beating
    const { database, id, onProblem } = this.#options
    await database.query('DELETE FROM hermes.processes WHERE id = $1', [id]).catch(onProblem)
  }

  /** Reads the live processes. @throws StoreError */
  async load(): Promise<readonly Member[]> {
    const rows = await this.#options.database.query<Member>(
      `SELECT id, role, host, pid, version, floor(extract(epoch FROM started_at) * 1000)::bigint AS since
         FROM hermes.processes WHERE expires_at > clock_timestamp() ORDER BY started_at, id`,
    )
    return (this.#members = rows)
  }

  /** Removes processes that have been dead for long. Run by one process of the fleet. */
  async forget(): Promise<void> {
    await this.#options.database.query(
      `DELETE FROM hermes.processes WHERE expires_at < clock_timestamp() - interval '${FORGOTTEN_AFTER}'`,
    )
  }

  /** Frees the leases of a process that was killed on this home, without waiting for its heartbeat to expire. */
  async #releaseOfEarlierProcess(): Promise<void> {
    const { database, id, home } = this.#options
    await database.query(
      `WITH gone AS (DELETE FROM hermes.processes WHERE home = $1 AND id <> $2 RETURNING id)
         UPDATE hermes.leases SET expires_at = clock_timestamp()
           WHERE holder IN (SELECT id FROM gone) AND expires_at > clock_timestamp()`,
      [home, id],
    )
  }

  async #beatAgain(): Promise<void> {
    const { wasAlive } = await this.#beat()
    await this.load()
    if (!wasAlive) this.#options.onReturned()
  }

  async #beat(): Promise<{ readonly wasAlive: boolean }> {
    const { database, id, role, host, pid, version, home } = this.#options
    const [before] = await database.query<{ wasAlive: boolean }>(
      `WITH beat AS (INSERT INTO hermes.processes (id, role, host, pid, version, started_at, expires_at, home)
         VALUES ($1, $2, $3, $4, $5, clock_timestamp(), clock_timestamp() + $6::int * interval '1 millisecond', $7)
         ON CONFLICT (id) DO UPDATE SET expires_at = clock_timestamp() + $6::int * interval '1 millisecond')
       SELECT EXISTS (SELECT 1 FROM hermes.processes WHERE id = $1 AND expires_at > clock_timestamp()) AS "wasAlive"`,
      [id, role, host, pid, version, GONE_AFTER_MS, home],
    )
    return before!
  }
}
