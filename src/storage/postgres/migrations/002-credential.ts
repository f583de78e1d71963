import type { Migration } from './migration.ts'

/** Our own sign-in, which all gateways share, and the leases for work that only one of them may do. */
export const credential: Migration = {
  number: 2,
  name: 'credential',
  oldestProgram: '0.1.0',
  sql: `
-- Who alone may do something, by the database's clock. A row stays for ever: its fence only rises.
CREATE TABLE hermes.leases (
  name text PRIMARY KEY,
  holder text NOT NULL,
  fence bigint NOT NULL,
  expires_at timestamptz NOT NULL
);

-- One row, 'own', with the document of all own sign-ins, encrypted. What cannot be read is put aside
-- under another id. The intent says what is known of the refresh token that was sent last: fingerprints.
CREATE TABLE hermes.sign_ins (
  id text PRIMARY KEY,
  version bigint NOT NULL,
  key_id text NOT NULL,
  sealed bytea NOT NULL,
  intent jsonb,
  changed_at timestamptz NOT NULL DEFAULT now()
);

-- What the gateways remember of failures, pauses and what people were told. Fingerprints, no tokens.
CREATE TABLE hermes.keeper_memory (
  id text PRIMARY KEY,
  version bigint NOT NULL,
  record jsonb NOT NULL
);
`,
}
