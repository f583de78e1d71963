import { closeSync, existsSync, openSync } from 'node:fs'
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import { ConfigurationError, messageOf, StoreError } from '../../../support/errors.ts'
import { isForeignDatabase, migrate } from '../migrations/migrate.ts'

export interface SessionOptions {
  readonly path: string
  /** Channels whose readers read the store: nothing is put into the outbox for them. */
  readonly pullChannels: readonly string[]
  /** For tests of the migration alone. */
  readonly migrations?: readonly string[]
}

/** How long a write waits for another process's transaction (a command while the gateway runs), in milliseconds. */
const BUSY_TIMEOUT_MS = 10_000
/**
 * SQLite's page cache, in KiB: enough for the inner pages of every index at a million messages; the system
 * caches the rest.
 */
const CACHE_KIB = 8_192
/** Pages in the log before they are copied into the database: 4 MB, a few tens of milliseconds of copying. */
const CHECKPOINT_PAGES = 1_000

/** SQLite result codes for a file that holds no whole database. @see https://sqlite.org/rescode.html */
const BROKEN_CODES: ReadonlySet<number> = new Set([11 /* SQLITE_CORRUPT */, 26 /* SQLITE_NOTADB */])

export type Row = Record<string, SQLInputValue>

/**
 * The database as the worker's operations see it: prepared statements by their text,
 * and the counters that live through a transaction.
 *
 * Lives in one thread; everything in it is synchronous.
 */
export class Session {
  readonly db: DatabaseSync
  readonly path: string
  readonly pullChannels: ReadonlySet<string>
  /** The copy that the migration made, if it had to. */
  readonly migrationBackup: string | null
  readonly #statements = new Map<string, StatementSync>()
  readonly #arrayStatements = new Map<string, StatementSync>()
  #revision: number | null = null
  #storedRevision = 0
  #dataVersion = -1
  /**
   * Messages that wait, kept while nothing but arrivals change it, so that a message that is
   * held costs no count over the whole queue. Null = to be counted.
   */
  waitingTotal: number | null = null

  constructor(options: SessionOptions) {
    this.path = options.path
    this.pullChannels = new Set(options.pullChannels)
    createPrivate(options.path)
    this.db = new DatabaseSync(options.path, {
      timeout: BUSY_TIMEOUT_MS,
      // Integrity is in the statements; checking every reference again costs a tenth of each commit.
      enableForeignKeyConstraints: false,
    })
    try {
      if (isForeignDatabase(this.db))
        throw new ConfigurationError(`${options.path} is another program's database. Move it away first.`)
      this.db.exec(`
        PRAGMA journal_mode = WAL;
        PRAGMA synchronous = FULL;
        PRAGMA cache_size = -${CACHE_KIB};
        PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES};
        PRAGMA journal_size_limit = 16777216;
        PRAGMA temp_store = MEMORY;
      `)
      this.migrationBackup = migrate(this.db, options.path, options.migrations)
    } catch (error) {
      this.db.close()
      throw isBroken(error)
        ? new StoreError(
            `${options.path} is damaged (${messageOf(error)}). Nothing was changed. Put it aside and go back ` +
              'to a backup, or start without it: messages that waited in it are then not answered.',
            { cause: error },
          )
        : error
    }
  }

  /** The prepared statement for `sql`; prepared once. */
  sql(sql: string): StatementSync {
    let statement = this.#statements.get(sql)
    if (!statement) this.#statements.set(sql, (statement = this.db.prepare(sql)))
    return statement
  }

  get(sql: string, ...values: SQLInputValue[]): Row | undefined {
    return this.sql(sql).get(...values) as Row | undefined
  }

  all(sql: string, ...values: SQLInputValue[]): Row[] {
    return this.sql(sql).all(...values) as Row[]
  }

  /** As `all`, each row as an array of its columns: half the time, for many narrow rows. */
  arrays(sql: string, ...values: SQLInputValue[]): unknown[] {
    let statement = this.#arrayStatements.get(sql)
    if (!statement) {
      statement = this.db.prepare(sql)
      statement.setReturnArrays(true)
      this.#arrayStatements.set(sql, statement)
    }
    return statement.all(...values)
  }

  /** Runs a statement that changes rows; returns how many. */
  run(sql: string, ...values: SQLInputValue[]): number {
    return Number(this.sql(sql).run(...values).changes)
  }

  /** The next number of the store's one ascending counter; belongs to the open transaction. */
  nextRevision(): number {
    if (this.#revision === null) {
      const row = this.get(`SELECT value FROM counters WHERE name = 'revision'`)
      this.#revision = this.#storedRevision = Number(row?.['value'] ?? 0)
    }
    return ++this.#revision
  }

  /** Opens a transaction. Whatever another process wrote since the last one makes kept numbers void. */
  begin(writes: boolean): void {
    this.sql(writes ? 'BEGIN IMMEDIATE' : 'BEGIN').run()
    const version = Number(this.get('PRAGMA data_version')?.['data_version'])
    if (version === this.#dataVersion) return
    this.#dataVersion = version
    this.forget()
  }

  /** Makes everything since `begin` durable, with the counter as it is now. */
  commit(): void {
    if (this.#revision !== null && this.#revision !== this.#storedRevision) {
      this.run(`UPDATE counters SET value = ? WHERE name = 'revision'`, this.#revision)
    }
    this.sql('COMMIT').run()
    this.#storedRevision = this.#revision ?? this.#storedRevision
  }

  /** Undoes everything since `begin`, also where SQLite has done so itself. */
  rollback(): void {
    this.forget()
    if (this.db.isTransaction) this.db.exec('ROLLBACK')
  }

  /** Reads the kept numbers again when they are needed. */
  forget(): void {
    this.#revision = null
    this.waitingTotal = null
  }

  close(): void {
    this.#statements.clear()
    this.#arrayStatements.clear()
    this.db.close()
  }
}

/**
 * Makes the file readable by its owner alone, for people's messages are in it; SQLite gives its
 * log the same mode. One that exists keeps its own.
 *
 * @throws StoreError when it cannot be opened for writing
 */
function createPrivate(path: string): void {
  // To close another handle on a database that this process has open would drop its locks.
  if (existsSync(path)) return
  try {
    closeSync(openSync(path, 'a', 0o600))
  } catch (error) {
    throw new StoreError(`${path} cannot be opened: ${messageOf(error)}`, { cause: error })
  }
}

function isBroken(error: unknown): boolean {
  const code = (error as { readonly errcode?: unknown } | null)?.errcode
  return typeof code === 'number' && BROKEN_CODES.has(code & 0xff)
}
