import { createHash } from 'node:crypto'
import { ConfigurationError, StoreError } from '../../support/errors.ts'
import type { Database, Queryable } from '../postgres/connection/database.ts'
import { clean, json } from '../postgres/connection/statements.ts'
import type { CopySource, SourceRow } from './source.ts'
import { COPIED_TABLES, type CopiedTable } from './tables.ts'

/** The fact in the target that records what is being copied into it, and whether the copy was finished. */
const COPY_FACT = 'storage.copy'

export interface CopyProgress {
  readonly table: string
  readonly phase: 'copied' | 'compared'
  readonly rows: number
}

export interface CopyOptions {
  readonly source: CopySource
  /** Migrated, and not in use by a gateway. */
  readonly target: Database
  readonly onProgress: (progress: CopyProgress) => void
}

export interface CopyResult {
  /** Rows by table. */
  readonly rows: Readonly<Record<string, number>>
  /** It had been copied before; nothing was changed. */
  readonly already: boolean
}

/** PostgreSQL's types by column. */
type ColumnTypes = ReadonlyMap<string, string>

interface CopyMark {
  readonly source: string
  readonly finished: boolean
}

/**
 * Copies a SQLite database into an empty PostgreSQL one, including waiting messages, and compares every row
 * afterwards. May be interrupted at any point and called again: it continues, or starts over where the
 * source has changed in between.
 *
 * @throws ConfigurationError when the target is in use or holds something else; StoreError when it
 * fails, or when a copied row differs from its source
 */
export async function copyStorage({ source, target, onProgress }: CopyOptions): Promise<CopyResult> {
  const mark = await markOf(target)
  const sourceMark = source.mark()
  if (mark?.finished && mark.source === sourceMark) return { rows: {}, already: true }
  await refuseInUse(target, mark)
  if (mark?.source !== sourceMark) await begin(target, sourceMark)
  const rows: Record<string, number> = {}
  for (const table of COPIED_TABLES) {
    const types = await columnTypes(target, table, source.columns(table.name))
    rows[table.name] = await copyTable(source, target, table, types, onProgress)
  }
  await target.query(
    `INSERT INTO hermes.counters (name, value) VALUES ('observed_outage_ms', $1)
       ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
    [source.observedOutageMs()],
  )
  await goOnBehind(target)
  for (const table of COPIED_TABLES) {
    const types = await columnTypes(target, table, source.columns(table.name))
    await compare(source, target, table, types, onProgress)
  }
  await setMark(target, { source: sourceMark, finished: true })
  return { rows, already: false }
}

async function markOf(target: Queryable): Promise<CopyMark | null> {
  const [row] = await target.query<{ value: string }>('SELECT value FROM hermes.facts WHERE key = $1', [
    COPY_FACT,
  ])
  return row ? (JSON.parse(row.value) as CopyMark) : null
}

async function setMark(target: Queryable, mark: CopyMark): Promise<void> {
  await target.query(
    'INSERT INTO hermes.facts (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value',
    [COPY_FACT, JSON.stringify(mark)],
  )
}

async function refuseInUse(target: Queryable, mark: CopyMark | null): Promise<void> {
  const live = await target.query<{ host: string; pid: number }>(
    'SELECT host, pid FROM hermes.processes WHERE expires_at > now()',
  )
  if (live.length > 0) {
    const where = live.map(({ host, pid }) => `${host} (process ${pid})`).join(', ')
    throw new ConfigurationError(`Gateways work on the database: ${where}. Stop them first.`)
  }
  const [found] = await target.query<{ any: boolean }>(
    'SELECT EXISTS (SELECT FROM hermes.messages) OR EXISTS (SELECT FROM hermes.conversations) AS any',
  )
  if (found?.any && (mark === null || mark.finished))
    throw new ConfigurationError(
      'The database holds messages already. A copy needs an empty one: name another in storage.url.',
    )
}

/** Deletes what an earlier copy of another state has left. */
async function begin(target: Database, source: string): Promise<void> {
  await target.transaction(async (tx) => {
    // Facts hold the mark itself, and what the program recorded when it opened the database.
    for (const { name } of COPIED_TABLES) await tx.query(`DELETE FROM hermes.${name}`)
    await setMark(tx, { source, finished: false })
  })
}

/** The types of the columns that both have. @throws ConfigurationError for one that would be lost */
async function columnTypes(
  target: Queryable,
  { name }: CopiedTable,
  columns: readonly string[],
): Promise<ColumnTypes> {
  const found = await target.query<{ column_name: string; data_type: string }>(
    `SELECT column_name, data_type FROM information_schema.columns
       WHERE table_schema = 'hermes' AND table_name = $1`,
    [name],
  )
  const types = new Map(found.map((row) => [row.column_name, row.data_type]))
  const lost = columns.filter((column) => !types.has(column))
  if (lost.length > 0)
    throw new ConfigurationError(`The database has no place for ${name}.${lost.join(', ')}.`)
  return new Map(columns.map((column) => [column, types.get(column)!]))
}

async function copyTable(
  source: CopySource,
  target: Queryable,
  table: CopiedTable,
  types: ColumnTypes,
  onProgress: CopyOptions['onProgress'],
): Promise<number> {
  const columns = [...types.keys()].join(', ')
  const insert = `INSERT INTO hermes.${table.name} (${columns})
    ${table.identity ? 'OVERRIDING SYSTEM VALUE' : ''}
    SELECT ${columns} FROM json_populate_recordset(NULL::hermes.${table.name}, $1::json)
    ON CONFLICT DO NOTHING`
  // Inserted by an earlier run; the comparison checks every row.
  if ((await countOf(target, table.name)) >= rowsThere(source, table.name)) return source.count(table.name)
  let rows = 0
  for (const batch of source.batches(table)) {
    await target.query(insert, [json(batch.map((row) => toJson(row, types)))])
    rows += batch.length
    onProgress({ table: table.name, phase: 'copied', rows })
  }
  return rows
}

/** Converts bytes and lists for PostgreSQL; it reads booleans and numbers from SQLite's numbers. */
function toJson(row: SourceRow, types: ColumnTypes): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(row).map(([column, value]) => {
      if (value instanceof Uint8Array) return [column, `\\x${Buffer.from(value).toString('hex')}`]
      return [column, isJson(types, column) && typeof value === 'string' ? JSON.parse(value) : value]
    }),
  )
}

/** New keys must come after the copied ones. */
async function goOnBehind(target: Queryable): Promise<void> {
  for (const { name, identity } of COPIED_TABLES) {
    if (!identity) continue
    await target.query(
      `SELECT setval(pg_get_serial_sequence('hermes.${name}', 'key'), greatest(1, (SELECT max(key) FROM hermes.${name})))`,
    )
  }
  await target.query(
    `SELECT setval('hermes.revision', greatest(1, (SELECT max(revision) FROM hermes.messages)))`,
  )
  // Statistics of an empty database would lead to plans for one.
  for (const { name } of COPIED_TABLES) await target.query(`ANALYZE hermes.${name}`)
}

/** @throws StoreError naming a table whose rows are missing or differ */
async function compare(
  source: CopySource,
  target: Queryable,
  table: CopiedTable,
  types: ColumnTypes,
  onProgress: CopyOptions['onProgress'],
): Promise<void> {
  const { name, key } = table
  const counted = await countOf(target, name)
  const expected = rowsThere(source, name)
  if (counted !== expected)
    throw new StoreError(`${name}: ${expected} rows went in and ${counted} are there. Run it again.`)
  const read = `SELECT t.* FROM hermes.${name} t
    JOIN json_populate_recordset(NULL::hermes.${name}, $1::json) k ON ${key.map((column) => `t.${column} = k.${column}`).join(' AND ')}`
  let rows = 0
  for (const batch of source.batches(table)) {
    const keys = batch.map((row) => Object.fromEntries(key.map((column) => [column, row[column]])))
    const there = await target.query<Record<string, unknown>>(read, [json(keys)])
    const wanted = new Map(batch.map((row) => [rowKey(row, key), digest(fromSqlite(row, types))]))
    for (const row of there) {
      const name = rowKey(row, key)
      if (wanted.get(name) === digest(fromPostgres(row, types))) wanted.delete(name)
    }
    const [different] = wanted.keys()
    if (different !== undefined)
      throw new StoreError(`${name}: the row ${different} is not as it was. Run it again.`)
    rows += batch.length
    onProgress({ table: name, phase: 'compared', rows })
  }
}

/** Rows of a whole copy: its mark is a fact of its own. */
function rowsThere(source: CopySource, table: string): number {
  return source.count(table) + (table === 'facts' ? 1 : 0)
}

async function countOf(target: Queryable, table: string): Promise<number> {
  const [row] = await target.query<{ n: number }>(`SELECT count(*) AS n FROM hermes.${table}`)
  return row!.n
}

function rowKey(row: Readonly<Record<string, unknown>>, key: readonly string[]): string {
  return JSON.stringify(
    key.map((column) => (typeof row[column] === 'string' ? clean(row[column]) : row[column])),
  )
}

/** The values of a row in the order of its columns, the same whichever of the two stores it came from. */
type Values = readonly unknown[]

function fromSqlite(row: SourceRow, types: ColumnTypes): Values {
  return [...types.keys()].map((column) => {
    const value = row[column]
    if (typeof value === 'bigint') return Number(value)
    if (typeof value !== 'string') return value
    return isJson(types, column) ? JSON.parse(json(JSON.parse(value))) : clean(value)
  })
}

function fromPostgres(row: Readonly<Record<string, unknown>>, types: ColumnTypes): Values {
  return [...types.keys()].map((column) => {
    const value = row[column]
    return typeof value === 'boolean' ? Number(value) : value
  })
}

function digest(values: Values): string {
  const hash = createHash('sha256')
  for (const value of values) {
    if (value instanceof Uint8Array) hash.update(value)
    else hash.update(JSON.stringify(value))
  }
  return hash.digest('hex')
}

function isJson(types: ColumnTypes, column: string): boolean {
  return types.get(column) === 'json'
}
