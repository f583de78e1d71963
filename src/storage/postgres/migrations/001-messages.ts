import type { Migration } from './migration.ts'

/**
 * The tables of messages and of what belongs to them; as in SQLite, but for what many writers need.
 *
 * - A transaction that changes rows of a conversation holds the lock of its row; only then it draws
 *   revisions, so that within a conversation they rise in the order of commits.
 * - There are no foreign keys: integrity is in the statements, and checking a reference takes a lock
 *   on the row referred to, which would make writers of one conversation wait for each other twice.
 * - Waiting messages are found through partial indexes, which stay as small as the queue however many
 *   messages are stored. Rows that change often keep room on their page, and small tables that live
 *   by insertion and deletion are vacuumed early.
 */
const SQL = `
CREATE SEQUENCE hermes.revision;

CREATE TABLE hermes.processes (
  id text PRIMARY KEY,
  role text NOT NULL,
  host text NOT NULL,
  pid integer NOT NULL,
  version text NOT NULL,
  started_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL
);

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

CREATE TABLE hermes.summaries (
  conversation bigint PRIMARY KEY,
  text text NOT NULL
);

CREATE TABLE hermes.addresses (
  key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  channel text NOT NULL,
  address text NOT NULL,
  conversation bigint,
  UNIQUE (channel, address)
);
CREATE INDEX addresses_conversation ON hermes.addresses (conversation);

CREATE TABLE hermes.messages (
  key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id text NOT NULL UNIQUE,
  conversation bigint NOT NULL,
  seq bigint NOT NULL,
  revision bigint NOT NULL,
  role text NOT NULL,
  state text NOT NULL,
  text text NOT NULL,
  preface text,
  reason text,
  origin bigint,
  platform_id text,
  person_id text,
  person_name text,
  addressed boolean NOT NULL DEFAULT false,
  command boolean NOT NULL DEFAULT false,
  attachments json,
  at bigint NOT NULL,
  answered_by text,
  history_seq bigint,
  group_id text,
  solo boolean NOT NULL DEFAULT false,
  failures integer NOT NULL DEFAULT 0,
  leases integer NOT NULL DEFAULT 0,
  not_before bigint NOT NULL DEFAULT 0,
  held_base bigint,
  draft text
) WITH (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.05);
CREATE UNIQUE INDEX messages_seq ON hermes.messages (conversation, seq);
CREATE INDEX messages_revision ON hermes.messages (conversation, revision);
CREATE UNIQUE INDEX messages_platform ON hermes.messages (origin, platform_id) WHERE platform_id IS NOT NULL;
CREATE INDEX messages_history ON hermes.messages (conversation, history_seq, seq) WHERE history_seq IS NOT NULL;
CREATE INDEX messages_waiting ON hermes.messages (conversation, seq)
  WHERE state IN ('received', 'answering', 'held');
CREATE INDEX messages_unanswered ON hermes.messages (state, key) WHERE state <> 'answered';

CREATE TABLE hermes.contexts (
  message bigint PRIMARY KEY,
  digest text NOT NULL,
  json json
);

CREATE TABLE hermes.attachments (
  key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id text NOT NULL UNIQUE,
  message bigint NOT NULL,
  media_type text NOT NULL,
  name text NOT NULL,
  at bigint NOT NULL,
  bytes bytea NOT NULL
);
CREATE INDEX attachments_message ON hermes.attachments (message);
ALTER TABLE hermes.attachments ALTER COLUMN bytes SET STORAGE EXTERNAL;

CREATE TABLE hermes.participants (
  conversation bigint NOT NULL,
  person_id text NOT NULL,
  PRIMARY KEY (person_id, conversation)
);
CREATE INDEX participants_conversation ON hermes.participants (conversation);

CREATE TABLE hermes.seen (
  origin bigint NOT NULL,
  platform_id text NOT NULL,
  at bigint NOT NULL,
  PRIMARY KEY (origin, platform_id)
);
CREATE INDEX seen_at ON hermes.seen (at);

CREATE TABLE hermes.turns (
  key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id text NOT NULL,
  conversation bigint NOT NULL,
  model text NOT NULL,
  leased_at bigint NOT NULL,
  finished_at bigint NOT NULL,
  model_ms double precision NOT NULL,
  input_tokens bigint NOT NULL,
  output_tokens bigint NOT NULL,
  cache_read_tokens bigint NOT NULL,
  cache_write_tokens bigint NOT NULL
);
CREATE INDEX turns_conversation ON hermes.turns (conversation, key);

CREATE TABLE hermes.outbox (
  message bigint PRIMARY KEY,
  conversation bigint NOT NULL,
  kind text NOT NULL,
  reply_to text,
  draft text,
  asked_at bigint,
  at bigint NOT NULL,
  attempts integer NOT NULL DEFAULT 0,
  not_before bigint NOT NULL DEFAULT 0
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
CREATE INDEX outbox_conversation ON hermes.outbox (conversation, message);

CREATE TABLE hermes.receipts (
  message bigint NOT NULL,
  part integer NOT NULL,
  platform_id text NOT NULL,
  PRIMARY KEY (message, part)
);

CREATE TABLE hermes.cursors (
  channel text NOT NULL,
  name text NOT NULL,
  value text NOT NULL,
  PRIMARY KEY (channel, name)
) WITH (fillfactor = 50);

CREATE TABLE hermes.pairings (
  channel text NOT NULL,
  person_id text NOT NULL,
  person_name text,
  approved_at bigint,
  code text,
  created_at bigint NOT NULL,
  expires_at bigint NOT NULL,
  answered_at bigint NOT NULL,
  PRIMARY KEY (channel, person_id)
);

CREATE TABLE hermes.pairing_guesses (
  key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  channel text NOT NULL,
  at bigint NOT NULL
);
CREATE INDEX pairing_guesses_channel ON hermes.pairing_guesses (channel, at);

CREATE TABLE hermes.facts (
  key text PRIMARY KEY,
  value text NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE hermes.counters (
  name text PRIMARY KEY,
  value bigint NOT NULL
) WITH (fillfactor = 50);
INSERT INTO hermes.counters (name, value) VALUES ('observed_outage_ms', 0);

CREATE TABLE hermes.incidents (
  id text PRIMARY KEY,
  opened_at bigint NOT NULL,
  closed_at bigint,
  json text NOT NULL
);
CREATE INDEX incidents_opened ON hermes.incidents (opened_at, id);

CREATE TABLE hermes.figures (
  name text NOT NULL,
  minute bigint NOT NULL,
  value double precision NOT NULL,
  PRIMARY KEY (name, minute)
) WITH (fillfactor = 50);
`

export const messages: Migration = { number: 1, name: 'messages', sql: SQL, oldestProgram: '0.1.0' }
