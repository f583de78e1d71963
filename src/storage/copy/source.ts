import { DatabaseSync, type SQLInputValue } from 'node:sqlite'
import { ConfigurationError } from '../../support/errors.ts'
import { MIGRATIONS } from '../sqlite/migrations/schema.ts'
import type { CopiedTable } from './tables.ts'

export type SourceRow = Readonly<Record<string, SQLInputValue>>

/** Enough rows to make a round trip worthwhile. */
const ROWS = 500
/** Attachments are up to 20 MB each. */
const LARGE_ROWS = 4

/** A home's SQLite database, read and never written. No gateway may use it during the copy. */
export class CopySource implements Disposable {
  readonly #db: DatabaseSync

  /** @throws ConfigurationError when an older or newer program wrote it */
  constructor(path: string) {
    this.#db = new DatabaseSync(path, { readOnly: true })
    const version = Number(this.#db.prepare('PRAGMA user_version').get()?.['user_version'])
    if (version === MIGRATIONS.length) return
    this.#db.close()
    throw new ConfigurationError(
      `${path} has the database version ${version}, and this program needs ${MIGRATIONS.length}: ` +
        'run "hermes storage migrate" before the address of PostgreSQL is set.',
    )
  }

  /** Changes with every change of a message: the same state of the same database has the same mark. */
  mark(): string {
    const revision = this.#db.prepare(`SELECT value FROM counters WHERE name = 'revision'`).get()
    const first = this.#db.prepare('SELECT id FROM messages ORDER BY key LIMIT 1').get()
    return `${String(first?.['id'] ?? 'empty')}@${String(revision?.['value'] ?? 0)}`
  }

  /** Outage time that was observed in all; the age of what is held counts from it. */
  observedOutageMs(): number {
    const row = this.#db.prepare(`SELECT value FROM counters WHERE name = 'observed_outage_ms'`).get()
    return Number(row?.['value'] ?? 0)
  }

  columns(table: string): readonly string[] {
    return this.#db
      .prepare(`PRAGMA table_info(${table})`)
      .all()
      .map((row) => String(row['name']))
  }

  count(table: string): number {
    return Number(this.#db.prepare(`SELECT count(*) AS n FROM ${table}`).get()?.['n'])
  }

  /** All rows in the order of their keys, some at a time. */
  *batches({ name, key, large = false }: CopiedTable): Generator<readonly SourceRow[]> {
    const order = key.join(', ')
    const limit = large ? LARGE_ROWS : ROWS
    const first = this.#db.prepare(`SELECT * FROM ${name} ORDER BY ${order} LIMIT ${limit}`)
    const next = this.#db.prepare(
      `SELECT * FROM ${name} WHERE (${order}) > (${key.map(() => '?').join(', ')}) ORDER BY ${order} LIMIT ${limit}`,
    )
    let rows = first.all() as SourceRow[]
    while (rows.length > 0) {
      yield rows
      if (rows.length < limit) return
      rows = next.all(...key.map((column) => rows.at(-1)![column]!)) as SourceRow[]
    }
  }

  [Symbol.dispose](): void {
    this.#db.close()
  }
}
