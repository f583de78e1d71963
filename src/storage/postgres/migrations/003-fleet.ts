import type { Migration } from '../migrate.ts'

/** Who works on this database, and which conversations somebody has been woken for. */
export const fleet: Migration = {
  number: 3,
  name: 'fleet',
  oldestProgram: '0.1.0',
  sql: `
-- A gateway process, by the database's clock. One that is past its time is gone: what it had leased
-- is taken over.
CREATE TABLE hermes.processes (
  id text PRIMARY KEY,
  role text NOT NULL,
  host text NOT NULL,
  pid integer NOT NULL,
  version text NOT NULL,
  started_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL
);

-- The job in the queue that answers for the conversation's work; null = there is none.
ALTER TABLE hermes.conversations ADD COLUMN wake_job uuid;
`,
}
