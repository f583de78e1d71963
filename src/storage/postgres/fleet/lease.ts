import { SECOND, type Clock } from '../../../support/clock.ts'
import type { Queryable } from '../connection/database.ts'

/** A holder that dies or is stopped is replaced after this long. */
export const LEASE_MS = 6 * SECOND
/** Two renewals may fail before the lease runs out. */
export const LEASE_RENEWAL_MS = 2 * SECOND

export interface LeaseOptions {
  readonly name: string
  /** The holder's name, for people; the proof is the fence. */
  readonly holder: string
  readonly clock: Clock
  readonly ttlMs?: number
  readonly renewalMs?: number
  /** Called once when another process has the lease, or may have it; renewals then stop. */
  readonly onLost?: () => void
}

/**
 * Tries once to acquire the lease `name`. All times are the database's, so that no machine's clock can
 * revoke it; each new holder gets a higher fence.
 *
 * @returns null while another holder has it
 * @throws StoreError
 */
export async function acquireLease(database: Queryable, options: LeaseOptions): Promise<Lease | null> {
  const { name, holder, clock, ttlMs = LEASE_MS } = options
  const asked = momentOf(clock)
  const [row] = await database.query<{ fence: number }>(
    `INSERT INTO hermes.leases AS held (name, holder, fence, expires_at)
     VALUES ($1, $2, 1, clock_timestamp() + $3::int * interval '1 millisecond')
     ON CONFLICT (name) DO UPDATE
       SET holder = excluded.holder, fence = held.fence + 1,
           expires_at = clock_timestamp() + $3::int * interval '1 millisecond'
       WHERE held.expires_at <= clock_timestamp()
     RETURNING fence`,
    [name, holder, ttlMs],
  )
  return row ? new Lease(database, options, row.fence, asked) : null
}

/**
 * A held lease, renewed in the background until it is released or lost.
 *
 * A lease that expired but that no other process acquired is still ours and can be renewed: the renewal
 * compares the fence in the same statement. A lease alone prevents nothing. Code that writes under it must
 * compare the fence in the same transaction (`fenceHolds`), and must check `isFresh` before an effect that
 * no database can undo.
 */
export class Lease {
  readonly name: string
  readonly fence: number
  readonly #database: Queryable
  readonly #clock: Clock
  readonly #ttlMs: number
  readonly #onLost: () => void
  readonly #timer: NodeJS.Timeout
  /** When the last granted term was requested. */
  #renewed: Moment
  #state: 'held' | 'lost' | 'released' = 'held'
  #renewing: Promise<boolean> | null = null

  constructor(database: Queryable, options: LeaseOptions, fence: number, asked: Moment) {
    this.name = options.name
    this.fence = fence
    this.#database = database
    this.#clock = options.clock
    this.#ttlMs = options.ttlMs ?? LEASE_MS
    this.#onLost = options.onLost ?? (() => {})
    this.#renewed = asked
    this.#timer = setInterval(
      () => void this.renew().catch(() => {}),
      options.renewalMs ?? LEASE_RENEWAL_MS,
    ).unref()
  }

  /**
   * Whether the lease is certainly ours, as far as this process can know without a query. It counts from
   * before the last renewal was sent, so it expires here before it does in the database: by the monotonic
   * clock, and by the wall clock, which alone counts time in suspend.
   */
  get isFresh(): boolean {
    if (this.#state !== 'held') return false
    const { monotonic, wall } = this.#renewed
    return this.#clock.monotonic() < monotonic + this.#ttlMs && this.#clock.now() < wall + this.#ttlMs
  }

  /** Extends the lease by another term. False: another process has held it since. @throws StoreError */
  renew(): Promise<boolean> {
    if (this.#state !== 'held') return Promise.resolve(false)
    this.#renewing ??= this.#extend().finally(() => {
      this.#renewing = null
    })
    return this.#renewing
  }

  /** Releases it at once. Never throws: a lease that cannot be released expires. */
  async release(): Promise<void> {
    if (this.#state !== 'held') return
    this.#end('released')
    // A renewal that arrives after the release would block the others for a whole term.
    await this.#renewing?.catch(() => {})
    await this.#database
      .query(`UPDATE hermes.leases SET expires_at = clock_timestamp() WHERE name = $1 AND fence = $2`, [
        this.name,
        this.fence,
      ])
      .catch(() => {})
  }

  async #extend(): Promise<boolean> {
    const asked = momentOf(this.#clock)
    const renewed = await this.#database.query(
      `UPDATE hermes.leases SET expires_at = clock_timestamp() + $3::int * interval '1 millisecond'
       WHERE name = $1 AND fence = $2 RETURNING fence`,
      [this.name, this.fence, this.#ttlMs],
    )
    if (this.#state !== 'held') return false
    if (renewed.length > 0) {
      this.#renewed = asked
      return true
    }
    this.#end('lost')
    this.#onLost()
    return false
  }

  #end(state: 'lost' | 'released'): void {
    this.#state = state
    clearInterval(this.#timer)
  }
}

interface Moment {
  readonly monotonic: number
  readonly wall: number
}

function momentOf(clock: Clock): Moment {
  return { monotonic: clock.monotonic(), wall: clock.now() }
}

/**
 * Whether this fence still holds; call it inside a transaction. It also locks the lease, so that no other
 * process can acquire it before the transaction ends.
 *
 * @throws StoreError
 */
export async function fenceHolds(tx: Queryable, name: string, fence: number): Promise<boolean> {
  const rows = await tx.query(`SELECT 1 FROM hermes.leases WHERE name = $1 AND fence = $2 FOR SHARE`, [
    name,
    fence,
  ])
  return rows.length > 0
}
