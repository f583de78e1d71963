import { setTimeout as pause } from 'node:timers/promises'
import { Pool, type PoolClient, type QueryConfig, type QueryResult } from 'pg'
import type { Clock } from '../../../support/clock.ts'
import { ConfigurationError, StoreError } from '../../../support/errors.ts'
import type { Log } from '../../../support/log.ts'
import type { Secret } from '../../../support/secret.ts'
import { DatabaseClient } from './client.ts'
import { connectionSettings, prepareSession, type SessionTerms } from './connection.ts'
import { isAnswer, mayBeRepeated, openingError, storeError } from './failures.ts'
import { Listener } from './listener.ts'
import { refuseTransactionPooler } from './pooler.ts'
import { statementName } from './statements.ts'

/** Runs statements. Values are given as parameters; whole numbers of 8 bytes come back as numbers. */
export interface Queryable {
  /**
   * The rows of one statement. Prepared once per connection when `params` is passed, even if empty.
   * Text is stored as UTF-8 without zeros, so pass people's text through `clean` or `json`.
   *
   * @throws StoreError (`DatabaseError` with the server's code) when it failed
   */
  query<Row>(sql: string, params?: readonly unknown[]): Promise<readonly Row[]>
}

/** A transaction in progress. */
export interface Transaction extends Queryable {
  /**
   * As `query`, with the commit sent right behind it in one trip: only for a transaction's last
   * statement. The work must return right after it.
   */
  last<Row>(sql: string, params?: readonly unknown[]): Promise<readonly Row[]>
}

/** Adapts a transaction for code that runs exactly one statement: that one is the last. */
export function asLast(tx: Transaction): Queryable {
  return { query: (sql, params) => tx.last(sql, params) }
}

/** PostgreSQL as the gateway uses it. */
export interface Database extends Queryable {
  /**
   * Everything that `work` does, or nothing. `work` runs again from its start when the server asks
   * for it (a deadlock, a conflict), so it must change nothing outside the transaction.
   *
   * @throws what `work` threw; StoreError when it could not be committed. If the connection is lost during the commit, it is unknown whether the commit happened.
   */
  transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T>
  /**
   * Calls `listener` with each payload that is sent to `channel` (NOTIFY), over a separate connection.
   * After a reconnect it is called with an empty payload: notifications may have been missed.
   */
  listen(channel: string, listener: (payload: string) => void): Disposable
  /** Closes after all calls in flight; later calls fail. */
  close(): Promise<void>
}

export interface DatabaseOptions {
  readonly url: Secret
  readonly clock: Clock
  readonly log: Log
  /** A background connection failed; it is reopened automatically. */
  readonly onProblem: (error: unknown) => void
  /** Connections at once. Each is a process of the server; a transaction of ours takes milliseconds. */
  readonly connections?: number
  /** For commands that read or remove much at once, in milliseconds a statement. */
  readonly statementMs?: number
}

/** Two for batches of steps, one for reads, one for everything else: each connection plans each statement itself. */
const DEFAULT_CONNECTIONS = 4
/** Attempts of a transaction that conflicts with others. */
const MAX_TRIES = 6
/** The longest pause between two attempts, in milliseconds: about as long as a transaction takes. */
const TRY_AGAIN_WITHIN_MS = 20
/** The oldest PostgreSQL that is still maintained as this is written. */
export const OLDEST_SERVER = 14

/**
 * Connects to PostgreSQL and checks that it is usable. Nothing is migrated.
 *
 * @throws ConfigurationError for an address, a sign-in, a version or a pooler that cannot be used;
 * StoreError while the server does not answer
 */
export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  const terms = termsOf(options)
  let pool: Pool
  try {
    pool = new Pool({
      ...connectionSettings(options.url, terms),
      Client: DatabaseClient,
      max: options.connections ?? DEFAULT_CONNECTIONS,
      onConnect: (client) => prepareSession(client, terms) as unknown as void,
    })
  } catch (error) {
    if (error instanceof ConfigurationError) throw error
    // The parser's error quotes the address.
    throw new ConfigurationError('storage.url: expected postgres://user:password@host/database')
  }
  // An idle connection that was lost; the pool replaces it.
  pool.on('error', (error) => options.onProblem(storeError(error)))
  const database = new PostgresDatabase(pool, options, terms)
  try {
    await database.check()
    return database
  } catch (error) {
    await database.close()
    throw openingError(error)
  }
}

function termsOf(options: DatabaseOptions): SessionTerms {
  return options.statementMs === undefined ? {} : { statementMs: options.statementMs }
}

class PostgresDatabase implements Database {
  readonly #pool: Pool
  readonly #options: DatabaseOptions
  readonly #terms: SessionTerms
  #listener: Listener | null = null
  #closed: Promise<void> | null = null

  constructor(pool: Pool, options: DatabaseOptions, terms: SessionTerms) {
    this.#pool = pool
    this.#options = options
    this.#terms = terms
  }

  /** The first connection: checks that the server is usable. */
  async check(): Promise<void> {
    const client = await this.#pool.connect()
    try {
      const { rows } = await client.query<{ version: number; pid: number }>(
        `SELECT current_setting('server_version_num')::int AS version, pg_backend_pid() AS pid`,
      )
      const { version, pid } = rows[0]!
      if (version < OLDEST_SERVER * 10_000) {
        throw new ConfigurationError(
          `storage.url: PostgreSQL ${Math.floor(version / 10_000)} is too old; at least ${OLDEST_SERVER} is needed`,
        )
      }
      // A server reports to each connection its backend id. A different id means that a pooler sits in between.
      if (pid === (client as PoolClient & { processID: number }).processID) return
    } finally {
      client.release()
    }
    await refuseTransactionPooler(connectionSettings(this.#options.url, this.#terms))
  }

  async query<Row>(sql: string, params?: readonly unknown[]): Promise<readonly Row[]> {
    try {
      return rowsOf<Row>(await this.#pool.query(statement(sql, params)))
    } catch (error) {
      throw this.#failure(error)
    }
  }

  async transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.#tryTransaction(work)
      } catch (error) {
        if (!(error instanceof Failed)) throw error
        if (!mayBeRepeated(error.error) || tries === MAX_TRIES) throw this.#failure(error.error)
        await pause(Math.random() * TRY_AGAIN_WITHIN_MS)
      }
    }
  }

  async #tryTransaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    const client = await driven(this.#pool.connect())
    // A connection lost between two statements must not end the process.
    client.on('error', ignore)
    let broken: Error | undefined
    try {
      return await inTransaction(client, work)
    } catch (error) {
      if (error instanceof Failed && !isAnswer(error.error)) broken = error
      else await client.query('ROLLBACK').catch((lost: Error) => (broken = lost))
      throw error
    } finally {
      client.off('error', ignore)
      client.release(broken)
    }
  }

  listen(channel: string, listener: (payload: string) => void): Disposable {
    this.#listener ??= new Listener({
      settings: connectionSettings(this.#options.url, this.#terms),
      clock: this.#options.clock,
      onProblem: this.#options.onProblem,
    })
    return this.#listener.add(channel, listener)
  }

  close(): Promise<void> {
    this.#closed ??= Promise.all([this.#pool.end(), this.#listener?.close()]).then(() => undefined)
    return this.#closed
  }

  #failure(error: unknown): Error {
    return this.#closed ? new StoreError('the store is closed') : storeError(error)
  }
}

/** BEGIN is sent with the first statement and COMMIT with the last one, which saves two round trips. */
async function inTransaction<T>(client: PoolClient, work: (tx: Transaction) => Promise<T>): Promise<T> {
  const send = sender(client)
  let first: Failed | null = null
  // Statements pipelined after a failed one fail too, and report only that an earlier one had failed.
  const run = (sent: Promise<QueryResult>) => driven(sent, (failed) => (first ??= failed))
  const begun = run(send('BEGIN'))
  let committing: Promise<QueryResult> | null = null
  let over = false
  const query = async <Row>(sql: string, params?: readonly unknown[]) => {
    // The connection may already be used by the next transaction.
    if (over) throw new StoreError('the transaction is over')
    return rowsOf<Row>(await run(send(statement(sql, params))))
  }
  const tx: Transaction = {
    query,
    async last(sql, params) {
      const rows = query<never>(sql, params)
      // After a failed statement, the server answers COMMIT with ROLLBACK.
      if (!over) committing = run(send('COMMIT'))
      over = true
      return await rows
    },
  }
  try {
    const result = await work(tx)
    await begun
    const { command } = await (committing ?? run(send('COMMIT')))
    if (command !== 'COMMIT') throw new StoreError('the database has undone the transaction')
    return result
  } catch (error) {
    throw error instanceof Failed && first ? first : error
  } finally {
    over = true
  }
}

/** Sends the statements of one tick in one packet, so that the server is woken once. */
function sender(client: PoolClient): (statement: string | QueryConfig) => Promise<QueryResult> {
  const { stream } = client.connection
  let gathering = false
  return (statement) => {
    if (!gathering) {
      gathering = true
      stream.cork()
      process.nextTick(() => {
        gathering = false
        stream.uncork()
      })
    }
    return client.query(statement as QueryConfig)
  }
}

/** An error of the driver or the server, as it passes through the work of a transaction. */
class Failed extends StoreError {
  readonly error: unknown

  constructor(error: unknown) {
    super(storeError(error).message)
    this.error = error
  }
}

/** Distinguishes errors of the driver from errors of the work. The promise is always awaited, possibly later. */
function driven<T>(promise: Promise<T>, onFailed: (failed: Failed) => void = ignore): Promise<T> {
  const result = promise.catch((error: unknown) => {
    const failed = new Failed(error)
    onFailed(failed)
    throw failed
  })
  result.catch(ignore)
  return result
}

/** Several commands in one text have a result each. */
function rowsOf<Row>(result: QueryResult | readonly QueryResult[]): readonly Row[] {
  return (Array.isArray(result) ? result.flatMap(({ rows }) => rows) : (result as QueryResult).rows) as Row[]
}

function statement(sql: string, params?: readonly unknown[]) {
  // Several commands in one text may come without values alone.
  if (params === undefined) return { text: sql }
  const name = statementName(sql)
  return { text: sql, values: [...params], ...(name === null ? {} : { name }) }
}

function ignore(): void {}
