import type { Migration } from './migration.ts'

/** Which home a process works on, so that its successor there knows at once that it is gone. */
export const homes: Migration = {
  number: 4,
  name: 'homes',
  oldestProgram: '0.1.0',
  sql: `
ALTER TABLE hermes.processes ADD COLUMN home text;

-- Conversations that somebody is woken for: as few as the work in hand.
CREATE INDEX conversations_woken ON hermes.conversations (key) WHERE wake_job IS NOT NULL;
`,
}
