import type { Migration } from './migration.ts'

/**
 * The turns become the ledger of all requests: what each was for, for whom, and what it cost in nano-dollars; null =
 * unknown, as that of all turns before.
 */
export const costs: Migration = {
  number: 8,
  name: 'costs',
  oldestProgram: '0.1.0',
  sql: `
ALTER TABLE hermes.turns
  ADD COLUMN kind text NOT NULL DEFAULT 'answer',
  ADD COLUMN requests bigint NOT NULL DEFAULT 1,
  ADD COLUMN person_id text,
  ADD COLUMN tool text,
  ADD COLUMN cache_write_1h_tokens bigint NOT NULL DEFAULT 0,
  ADD COLUMN web_searches bigint NOT NULL DEFAULT 0,
  ADD COLUMN cost bigint,
  ADD COLUMN estimated boolean NOT NULL DEFAULT false,
  ADD COLUMN subscription boolean NOT NULL DEFAULT false;
`,
}
