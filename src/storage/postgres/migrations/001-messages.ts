import type { Migration } from '../migrate.ts'

/**
 * The tables of messages and of what belongs to them; as in SQLite, but for what many writers need.
 *
 * - A transaction that changes rows of a conversation holds the lock of its row; only then it draws
 *   revisions, so that within a conversation they rise in the order of commits.
 * - There are no foreign keys: integrity is in the statements, and checking a reference takes a lock
 *   on the row referred to, which would make writers of one conversation wait for each other twice.
 * - `waiting` counts the messages of a conversation that wait for an answer, so that the limits of
 *   the hold cost no count.
 * - What waits is found through partial indexes, which stay as small as the queue however many
 *   messages are stored. Rows that change often keep room on their page, and are vacuumed early.
 */
const SQL = `
CREATE SEQUENCE hermes.revision;

CREATE TABLE hermes.conversations (
  key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id text NOT NULL UNIQUE,
  channel text NOT NULL,
  address text NOT NULL,
  model text,
  next_seq bigint NOT NULL DEFAULT 1,
  history_from bigint NOT NULL DEFAULT 0,
  history_characters bigint NOT NULL DEFAULT 0,
  generation bigint NOT NULL DEFAULT 0,
  lease_turn text,
  lease_owner text,
  lease_at bigint,
  stopped_turn text,
  told_outage text,
  full_told_at bigint,
  last_at bigint NOT NULL
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);
CREATE INDEX conversations_recent ON hermes.conversations (channel, last_at);
CREATE INDEX conversations_leased ON hermes.conversations (lease_owner) WHERE lease_turn IS NOT NULL;
`

export const messages: Migration = { number: 1, name: 'messages', sql: SQL, oldestProgram: '0.1.0' }
