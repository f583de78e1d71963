import { systemClock } from '../../../support/clock.ts'
import type { Log } from '../../../support/log.ts'
import type { Secret } from '../../../support/secret.ts'
import { openDatabase } from '../connection/database.ts'
import { schemaState, type SchemaState } from './migrate.ts'

/** What was found in a PostgreSQL database. */
export interface PostgresState extends SchemaState {
  /** As the server names it: `16.4`. */
  readonly serverVersion: string
  /** Set for the database, the user or the server, or a standby. */
  readonly readOnly: boolean
  /** Whether the user may create what is missing. */
  readonly mayCreate: boolean
  /** Tables of ours that the user may not read or write; empty = none. */
  readonly forbidden: readonly string[]
  readonly databaseBytes: number
}

const UNREAD: SchemaState = { missing: [], unknown: [], oldestProgram: null }

/**
 * Connects like a gateway and inspects the database; changes nothing.
 *
 * @throws ConfigurationError for an address, a sign-in, a version or a pooler that cannot be used;
 * StoreError when no server answers
 */
export async function examinePostgres(url: Secret, log: Log): Promise<PostgresState> {
  const database = await openDatabase({ url, clock: systemClock, log, onProblem: () => {}, connections: 1 })
  try {
    const [row] = await database.query<Omit<PostgresState, keyof SchemaState>>(
      `SELECT current_setting('server_version') AS "serverVersion",
         current_setting('transaction_read_only') = 'on' AS "readOnly",
         CASE WHEN to_regnamespace('hermes') IS NULL THEN has_database_privilege(current_database(), 'CREATE')
           ELSE has_schema_privilege('hermes', 'CREATE') END AS "mayCreate",
         coalesce((SELECT json_agg(tablename ORDER BY tablename) FROM pg_tables WHERE schemaname = 'hermes'
           AND NOT (has_schema_privilege('hermes', 'USAGE') AND
             has_table_privilege(format('%I.%I', schemaname, tablename), 'SELECT, INSERT, UPDATE, DELETE'))),
           '[]'::json) AS forbidden,
         pg_database_size(current_database()) AS "databaseBytes"`,
    )
    // Without the right to read our tables it is unknown what is missing.
    return { ...row!, ...(row!.forbidden.length > 0 ? UNREAD : await schemaState(url)) }
  } finally {
    await database.close()
  }
}
