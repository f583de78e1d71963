import type { Migration } from './migration.ts'

/**
 * The steps of turns that are not over, under the key of the turn's oldest message; when it ends, what it appends to
 * the history is in the row of its answer. All JSON is text, which keeps every byte: it is sent again.
 */
export const steps: Migration = {
  number: 6,
  name: 'steps',
  oldestProgram: '0.1.0',
  sql: `
ALTER TABLE hermes.messages ADD COLUMN blocks text;
ALTER TABLE hermes.messages ADD COLUMN frozen boolean NOT NULL DEFAULT false;

-- Both live by insertion and deletion, and are vacuumed early.
CREATE TABLE hermes.steps (
  message bigint NOT NULL,
  step integer NOT NULL,
  response text NOT NULL,
  max_tokens bigint NOT NULL,
  terms text,
  at bigint NOT NULL,
  PRIMARY KEY (message, step)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);

CREATE TABLE hermes.calls (
  message bigint NOT NULL,
  step integer NOT NULL,
  place integer NOT NULL,
  id text NOT NULL,
  tool text NOT NULL,
  class text NOT NULL,
  input text NOT NULL,
  result text,
  done_at bigint,
  PRIMARY KEY (message, step, place)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
`,
}
