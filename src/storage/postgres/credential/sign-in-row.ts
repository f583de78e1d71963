import { createHash } from 'node:crypto'
import type { Intent } from '../../../credentials/rotation/intent.ts'
import { StoreError } from '../../../support/errors.ts'
import type { Queryable } from '../connection/database.ts'
import { DatabaseError } from '../connection/failures.ts'
import { seal, unseal } from './seal.ts'
import type { SecretKey } from './secret-keys.ts'

/** The channel that notifies every gateway of a changed sign-in; the payload is the new version. */
export const SIGN_IN_CHANNEL = 'hermes_sign_in'

/** The row of the present sign-ins. */
const ROW = 'own'

/** The row as it was read, its text still sealed. */
export interface ReadRow {
  /** 0 = there is no row yet. */
  readonly version: number
  readonly keyId: string | null
  readonly intent: Intent | null
  /** Identifies this database: a sign-in with another id was copied here. */
  readonly place: string
  /** @throws StoreError when none of our keys opens it, or it was tampered with */
  text(): string
}

interface RawRow {
  readonly version: number | null
  readonly key_id: string | null
  readonly sealed: Buffer | null
  readonly intent: Intent | null
  readonly cluster: string | null
  readonly database: number
}

/** PostgreSQL's code for a role that may not read the cluster's own settings. */
const NOT_PERMITTED = '42501'

/**
 * The one row with the sealed document. Each change is one statement that compares the version: no lock
 * outlives the statement, so a process stopped in the middle blocks nobody, and a process that was
 * overtaken reads again.
 */
export class SignInRow {
  readonly #database: Queryable
  readonly #keys: readonly SecretKey[]
  /** Whether the role may read the cluster's system identifier; determined by the first read. */
  #seesCluster = true

  /** @param keys the newest first: it seals */
  constructor(database: Queryable, keys: readonly SecretKey[]) {
    this.#database = database
    this.#keys = keys
  }

  /** Is this sealed with an older key than the newest? */
  isStale({ keyId }: ReadRow): boolean {
    return keyId !== null && keyId !== this.#keys[0]!.id
  }

  /** Is the key there that opens it? */
  isOpenable({ keyId }: ReadRow): boolean {
    return keyId === null || this.#keys.some(({ id }) => id === keyId)
  }

  /** @throws StoreError */
  async read(): Promise<ReadRow> {
    const [row] = await this.#select()
    const { version, key_id, sealed, intent, cluster, database } = row!
    return {
      version: version ?? 0,
      keyId: key_id,
      intent,
      place: placeOf(cluster, database),
      text: () => {
        if (version === null) throw new StoreError('no sign-in is stored in the database')
        return unseal({ keyId: key_id!, bytes: sealed! }, this.#keys, { row: ROW, version })
      },
    }
  }

  /**
   * Replaces what was read with `text`.
   *
   * @param also.spent forgets the intent of this token: its successor is in `text`
   * @param also.intent is written along with it, in the same statement
   * @returns false when somebody else has changed the row since
   * @throws StoreError
   */
  async replace(
    before: ReadRow,
    text: string,
    also: { readonly spent?: string; readonly intent?: Intent | null } = {},
  ): Promise<boolean> {
    const version = before.version + 1
    const { keyId, bytes } = seal(text, this.#keys[0]!, { row: ROW, version })
    const intent = also.intent ? JSON.stringify(also.intent) : null
    const values = [ROW, version, keyId, bytes, SIGN_IN_CHANNEL, intent]
    const changed =
      before.version === 0
        ? await this.#database.query(INSERT, values)
        : await this.#database.query(UPDATE, [...values, also.spent ?? null])
    return changed.length > 0
  }

  /** Keeps what cannot be read under another id, so that a new sign-in can take its place. @throws StoreError */
  async putAside({ version }: ReadRow, aside: string): Promise<boolean> {
    const moved = await this.#database.query(
      'UPDATE hermes.sign_ins SET id = $3 WHERE id = $1 AND version = $2 RETURNING id',
      [ROW, version, aside],
    )
    return moved.length > 0
  }

  /**
   * Writes the intent under a lease and renews the lease in the same statement, so that no later holder can
   * miss the intent.
   *
   * @returns false when somebody else has had the lease since, or knows the token to be dead
   * @throws StoreError
   */
  async writeIntent(intent: Intent, lease: string, fence: number, ttlMs: number): Promise<boolean> {
    const written = await this.#database.query(WRITE_INTENT, [
      ROW,
      JSON.stringify(intent),
      intent.spent,
      lease,
      fence,
      ttlMs,
    ])
    return written.length > 0
  }

  /**
   * Records that a token is dead. That is true whichever process finds out, and never changes.
   *
   * @throws StoreError
   */
  async writeDeath(intent: Intent): Promise<void> {
    await this.#database.query(
      `UPDATE hermes.sign_ins SET intent = $2::jsonb
       WHERE id = $1 AND (intent IS NULL OR intent->>'spent' = $3)`,
      [ROW, JSON.stringify(intent), intent.spent],
    )
  }

  /** Deletes the intent, unless it records the death of a token that is still stored. @throws StoreError */
  async clearIntent(lease: string, fence: number): Promise<void> {
    await this.#database.query(
      `WITH held AS (SELECT fence FROM hermes.leases WHERE name = $2 AND fence = $3 FOR SHARE)
       UPDATE hermes.sign_ins SET intent = NULL FROM held
       WHERE id = $1 AND intent->>'outcome' IS DISTINCT FROM 'dead'`,
      [ROW, lease, fence],
    )
  }

  async #select(): Promise<readonly RawRow[]> {
    if (this.#seesCluster) {
      try {
        return await this.#database.query<RawRow>(SELECT_WITH_CLUSTER, [ROW])
      } catch (error) {
        if (!(error instanceof DatabaseError) || error.code !== NOT_PERMITTED) throw error
        this.#seesCluster = false
      }
    }
    return this.#database.query<RawRow>(SELECT, [ROW])
  }
}

const SELECT_WITH_CLUSTER = `
  SELECT s.version, s.key_id, s.sealed, s.intent, d.oid::int8 AS database,
         (SELECT system_identifier::text FROM pg_control_system()) AS cluster
  FROM pg_database AS d LEFT JOIN hermes.sign_ins AS s ON s.id = $1
  WHERE d.datname = current_database()`

const SELECT = `
  SELECT s.version, s.key_id, s.sealed, s.intent, d.oid::int8 AS database, NULL AS cluster
  FROM pg_database AS d LEFT JOIN hermes.sign_ins AS s ON s.id = $1
  WHERE d.datname = current_database()`

const INSERT = `
  WITH made AS (
    INSERT INTO hermes.sign_ins (id, version, key_id, sealed, intent) VALUES ($1, $2, $3, $4, $6::jsonb)
    ON CONFLICT (id) DO NOTHING RETURNING version
  )
  SELECT pg_notify($5, version::text) FROM made`

const UPDATE = `
  WITH made AS (
    UPDATE hermes.sign_ins
    SET version = $2, key_id = $3, sealed = $4, changed_at = now(),
        intent = coalesce($6::jsonb, CASE WHEN intent->>'spent' = $7 THEN NULL ELSE intent END)
    WHERE id = $1 AND version = $2 - 1
    RETURNING version
  )
  SELECT pg_notify($5, version::text) FROM made`

const WRITE_INTENT = `
  WITH held AS (
    UPDATE hermes.leases SET expires_at = clock_timestamp() + $6::int * interval '1 millisecond'
    WHERE name = $4 AND fence = $5 RETURNING fence
  )
  UPDATE hermes.sign_ins SET intent = $2::jsonb FROM held
  WHERE id = $1 AND (intent IS NULL OR NOT (intent->>'spent' = $3 AND intent->>'outcome' = 'dead'))
  RETURNING id`

/**
 * The system identifier is made by `initdb` and survives restarts, failovers and renamed hosts; a dump that
 * is restored elsewhere gets another one. Hashed with a constant of ours, like a machine id.
 */
function placeOf(cluster: string | null, database: number): string {
  return createHash('sha256')
    .update(`hermes-gateway database\0${cluster ?? 'unknown'}\0${database}`)
    .digest('hex')
    .slice(0, 32)
}
