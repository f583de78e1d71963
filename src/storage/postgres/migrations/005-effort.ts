import type { Migration } from './migration.ts'

/** The effort that a chat has chosen; null = the configured one. */
export const effort: Migration = {
  number: 5,
  name: 'effort',
  oldestProgram: '0.1.0',
  sql: `
ALTER TABLE hermes.conversations ADD COLUMN effort text;
`,
}
