import type { Migration } from './migration.ts'

/** Which conversations somebody has been woken for. */
export const fleet: Migration = {
  number: 3,
  name: 'fleet',
  oldestProgram: '0.1.0',
  sql: `
-- The job in the queue that answers for the conversation's work; null = there is none.
ALTER TABLE hermes.conversations ADD COLUMN wake_job uuid;
`,
}
