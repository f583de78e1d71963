import type { Migration } from './migration.ts'

/** What is known of a message besides its words, as JSON text; null = nothing. */
export const about: Migration = {
  number: 7,
  name: 'about',
  oldestProgram: '0.1.0',
  sql: `
ALTER TABLE hermes.messages ADD COLUMN about text;
`,
}
