import type { Migration } from './migration.ts'

/** What is spent of each budget in each period, in nano-dollars. See `Budgets`. */
export const budgets: Migration = {
  number: 9,
  name: 'budgets',
  oldestProgram: '0.1.0',
  sql: `
CREATE TABLE hermes.budgets (
  budget text PRIMARY KEY,
  subject text,
  at bigint NOT NULL,
  taken bigint NOT NULL DEFAULT 0,
  spent bigint NOT NULL DEFAULT 0,
  raised bigint NOT NULL DEFAULT 0,
  raised_on text,
  reached_at bigint
);
CREATE INDEX budgets_subject ON hermes.budgets (subject) WHERE subject IS NOT NULL;

-- Written with every request, and small: a page has room for the new versions of its rows.
CREATE TABLE hermes.budget_slices (
  budget text NOT NULL,
  owner text NOT NULL,
  taken bigint NOT NULL DEFAULT 0,
  reserved bigint NOT NULL DEFAULT 0,
  spent bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (budget, owner)
) WITH (fillfactor = 50);

CREATE TABLE hermes.reservations (
  turn text NOT NULL,
  budget text NOT NULL,
  owner text NOT NULL,
  conversation_id text NOT NULL,
  model text NOT NULL,
  amount bigint NOT NULL,
  at bigint NOT NULL,
  PRIMARY KEY (turn, budget)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
`,
}
