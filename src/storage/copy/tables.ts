/**
 * The tables that a copy takes along, parents before children, each with the columns that name a row.
 * SQLite and PostgreSQL call tables and columns the same; what only one of them keeps (counters of the
 * store itself, processes) is not a table of both and stays.
 */
export interface CopiedTable {
  readonly name: string
  readonly key: readonly string[]
  /** Keys are drawn by the database: later rows must go on behind the copied ones. */
  readonly identity: boolean
  /** Rows of it may be megabytes: read in small portions. */
  readonly large?: boolean
}

export const COPIED_TABLES: readonly CopiedTable[] = [
  { name: 'conversations', key: ['key'], identity: true },
  { name: 'summaries', key: ['conversation'], identity: false },
  { name: 'addresses', key: ['key'], identity: true },
  { name: 'messages', key: ['key'], identity: true },
  { name: 'attachments', key: ['key'], identity: true, large: true },
  { name: 'contexts', key: ['message'], identity: false },
  { name: 'participants', key: ['person_id', 'conversation'], identity: false },
  { name: 'seen', key: ['origin', 'platform_id'], identity: false },
  { name: 'turns', key: ['key'], identity: true },
  { name: 'outbox', key: ['message'], identity: false },
  { name: 'receipts', key: ['message', 'part'], identity: false },
  { name: 'cursors', key: ['channel', 'name'], identity: false },
  { name: 'pairings', key: ['channel', 'person_id'], identity: false },
  { name: 'pairing_guesses', key: ['key'], identity: true },
  { name: 'facts', key: ['key'], identity: false },
  { name: 'incidents', key: ['id'], identity: false },
  { name: 'figures', key: ['name', 'minute'], identity: false },
]
