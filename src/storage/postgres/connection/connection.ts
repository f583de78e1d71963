import { types as builtIn, type ClientBase, type ClientConfig } from 'pg'
import { SECOND } from '../../../support/clock.ts'
import { VERSION } from '../../../support/package.ts'
import type { Secret } from '../../../support/secret.ts'
import { transportOf } from './transport.ts'

export interface SessionTerms {
  /** How long a statement may take on the server, in milliseconds. */
  readonly statementMs?: number
}

/** Our statements take milliseconds; a server that needs longer is failing, so receiving must stop and report it. */
const STATEMENT_MS = 5 * SECOND
/** After the server's own limit: that one leaves a connection that can be used. */
const SILENCE_BEYOND_MS = SECOND
/** A lock that is not released within this time is held by a stopped process. */
export const LOCK_MS = 4 * SECOND
/** A process stopped in the middle of a transaction must not block the others with its locks. */
const IDLE_IN_TRANSACTION_MS = 5 * SECOND
/** Also how long a call waits for a free connection. */
const CONNECT_MS = 3 * SECOND
/** Before the first probe of a connection without traffic. */
const KEEPALIVE_MS = 10 * SECOND
/** The server ends a connection whose client's machine has vanished after this, in milliseconds. */
const TCP_USER_TIMEOUT_MS = 15 * SECOND

const INT8 = 20

/** Rows hold sizes, times and counters, all far below 2^53. */
const types: NonNullable<ClientConfig['types']> = {
  getTypeParser: (oid: number, format?: 'text' | 'binary') =>
    (oid === INT8 ? Number : builtIn.getTypeParser(oid, format ?? 'text')) as never,
}

/**
 * What every connection of ours is made with.
 *
 * @throws ConfigurationError where the way to the database is not safe; the driver's error for what is no address
 */
export function connectionSettings(url: Secret, { statementMs = STATEMENT_MS }: SessionTerms): ClientConfig {
  const transport = transportOf(url)
  return {
    ...(transport.kind === 'verified' ? { ssl: transport.ssl } : {}),
    connectionString: url.reveal(),
    application_name: `hermes-gateway/${VERSION}`,
    connectionTimeoutMillis: CONNECT_MS,
    query_timeout: statementMs + SILENCE_BEYOND_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEPALIVE_MS,
    pipeline: true,
    types,
  }
}

/**
 * Sets what our statements rely on. With statements instead of connection parameters, which poolers refuse
 * even where each client keeps its own session.
 *
 * Every statement of ours has its index. Without whole reads of tables and indexes its plan is the
 * same on an empty table, on a large one and on one whose statistics are stale; reading a small
 * table through its index costs microseconds. For the same reason no statement needs a plan for its
 * values: planning each one five times on each connection costs more than running it.
 */
export async function prepareSession(
  client: ClientBase,
  { statementMs = STATEMENT_MS }: SessionTerms,
): Promise<void> {
  await client.query(`
    SET statement_timeout = ${statementMs};
    SET lock_timeout = ${LOCK_MS};
    SET idle_in_transaction_session_timeout = ${IDLE_IN_TRANSACTION_MS};
    SET tcp_user_timeout = ${TCP_USER_TIMEOUT_MS};
    SET default_transaction_isolation = 'read committed';
    SET enable_seqscan = off;
    SET enable_hashjoin = off;
    SET enable_mergejoin = off;
    SET jit = off;
    SET plan_cache_mode = force_generic_plan;
    SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off';
  `)
}
