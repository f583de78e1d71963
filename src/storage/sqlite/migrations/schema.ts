/**
 * The tables, as a fresh database gets them and as an old one grows into them.
 *
 * Why they look as they do:
 * - Rows refer to each other by small integer keys; the ids that leave the store are text.
 * - `addresses` remembers every address at which a conversation was ever reached. A platform's
 *   message ids are unique within an address only, so duplicates are found by address, and a chat
 *   that moved keeps both its history and its old ids.
 * - An outbox row has the key of the message that it sends, so first in, first out is the order of
 *   keys, and its text is stored once.
 * - Waiting messages are found through partial indexes, which stay as small as the queue however many
 *   messages are stored.
 */
const INITIAL = `
CREATE TABLE conversations (
  key INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  channel TEXT NOT NULL,
  address TEXT NOT NULL,
  model TEXT,
  next_seq INTEGER NOT NULL DEFAULT 1,
  history_from INTEGER NOT NULL DEFAULT 0,
  history_characters INTEGER NOT NULL DEFAULT 0,
  generation INTEGER NOT NULL DEFAULT 0,
  lease_turn TEXT,
  lease_owner TEXT,
  lease_at INTEGER,
  stopped_turn TEXT,
  told_outage TEXT,
  full_told_at INTEGER,
  last_at INTEGER NOT NULL
) STRICT;
CREATE INDEX conversations_recent ON conversations (channel, last_at);
CREATE INDEX conversations_leased ON conversations (lease_owner) WHERE lease_turn IS NOT NULL;

CREATE TABLE summaries (
  conversation INTEGER PRIMARY KEY REFERENCES conversations (key),
  text TEXT NOT NULL
) STRICT;

CREATE TABLE addresses (
  key INTEGER PRIMARY KEY,
  channel TEXT NOT NULL,
  address TEXT NOT NULL,
  conversation INTEGER REFERENCES conversations (key),
  UNIQUE (channel, address)
) STRICT;
CREATE INDEX addresses_conversation ON addresses (conversation);

CREATE TABLE messages (
  key INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  conversation INTEGER NOT NULL REFERENCES conversations (key),
  seq INTEGER NOT NULL,
  revision INTEGER NOT NULL,
  role TEXT NOT NULL,
  state TEXT NOT NULL,
  text TEXT NOT NULL,
  preface TEXT,
  reason TEXT,
  origin INTEGER REFERENCES addresses (key),
  platform_id TEXT,
  person_id TEXT,
  person_name TEXT,
  addressed INTEGER NOT NULL DEFAULT 0,
  command INTEGER NOT NULL DEFAULT 0,
  attachments TEXT,
  at INTEGER NOT NULL,
  answered_by TEXT,
  history_seq INTEGER,
  group_id TEXT,
  solo INTEGER NOT NULL DEFAULT 0,
  failures INTEGER NOT NULL DEFAULT 0,
  leases INTEGER NOT NULL DEFAULT 0,
  not_before INTEGER NOT NULL DEFAULT 0,
  held_base INTEGER,
  draft TEXT
) STRICT;
CREATE UNIQUE INDEX messages_seq ON messages (conversation, seq);
CREATE INDEX messages_revision ON messages (conversation, revision);
CREATE UNIQUE INDEX messages_platform ON messages (origin, platform_id) WHERE platform_id IS NOT NULL;
CREATE INDEX messages_history ON messages (conversation, history_seq, seq) WHERE history_seq IS NOT NULL;
CREATE INDEX messages_waiting ON messages (conversation, seq)
  WHERE state IN ('received', 'answering', 'held');
CREATE INDEX messages_unanswered ON messages (state) WHERE state <> 'answered';

CREATE TABLE attachments (
  key INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  message INTEGER NOT NULL REFERENCES messages (key),
  media_type TEXT NOT NULL,
  name TEXT NOT NULL,
  at INTEGER NOT NULL,
  bytes BLOB NOT NULL
) STRICT;
CREATE INDEX attachments_message ON attachments (message);

CREATE TABLE participants (
  conversation INTEGER NOT NULL REFERENCES conversations (key),
  person_id TEXT NOT NULL,
  PRIMARY KEY (person_id, conversation)
) STRICT, WITHOUT ROWID;

CREATE TABLE seen (
  origin INTEGER NOT NULL REFERENCES addresses (key),
  platform_id TEXT NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (origin, platform_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE turns (
  key INTEGER PRIMARY KEY,
  id TEXT NOT NULL,
  conversation INTEGER NOT NULL REFERENCES conversations (key),
  model TEXT NOT NULL,
  leased_at INTEGER NOT NULL,
  finished_at INTEGER NOT NULL,
  model_ms REAL NOT NULL,
  input_tokens INTEGER NOT NULL,
  output_tokens INTEGER NOT NULL,
  cache_read_tokens INTEGER NOT NULL,
  cache_write_tokens INTEGER NOT NULL
) STRICT;
CREATE INDEX turns_conversation ON turns (conversation);

CREATE TABLE outbox (
  message INTEGER PRIMARY KEY REFERENCES messages (key),
  conversation INTEGER NOT NULL REFERENCES conversations (key),
  kind TEXT NOT NULL,
  reply_to TEXT,
  draft TEXT,
  asked_at INTEGER,
  at INTEGER NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0,
  not_before INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX outbox_conversation ON outbox (conversation, message);

CREATE TABLE receipts (
  message INTEGER NOT NULL REFERENCES outbox (message),
  part INTEGER NOT NULL,
  platform_id TEXT NOT NULL,
  PRIMARY KEY (message, part)
) STRICT, WITHOUT ROWID;

CREATE TABLE cursors (
  channel TEXT NOT NULL,
  name TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (channel, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE pairings (
  channel TEXT NOT NULL,
  person_id TEXT NOT NULL,
  person_name TEXT,
  approved_at INTEGER,
  code TEXT,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  answered_at INTEGER NOT NULL,
  PRIMARY KEY (channel, person_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE pairing_guesses (
  key INTEGER PRIMARY KEY,
  channel TEXT NOT NULL,
  at INTEGER NOT NULL
) STRICT;
CREATE INDEX pairing_guesses_channel ON pairing_guesses (channel, at);

CREATE TABLE facts (
  key TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE counters (
  name TEXT PRIMARY KEY,
  value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO counters (name, value) VALUES ('revision', 0), ('observed_outage_ms', 0);

CREATE TABLE incidents (
  id TEXT PRIMARY KEY,
  opened_at INTEGER NOT NULL,
  closed_at INTEGER,
  json TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX incidents_opened ON incidents (opened_at);

CREATE TABLE figures (
  name TEXT NOT NULL,
  minute INTEGER NOT NULL,
  value REAL NOT NULL,
  PRIMARY KEY (name, minute)
) STRICT, WITHOUT ROWID;
`

/**
 * A table of its own: few messages bring a context, and those are large. `json` goes with the answer, the
 * digest with the message.
 */
const CONTEXTS = `
CREATE TABLE contexts (
  message INTEGER PRIMARY KEY REFERENCES messages (key),
  digest TEXT NOT NULL,
  json TEXT
) STRICT;
`

/** The effort that a chat has chosen; null = the configured one. */
const EFFORT = `
ALTER TABLE conversations ADD COLUMN effort TEXT;
`

/**
 * The steps of turns that are not over, under the key of the turn's oldest message; when it ends, what it appends to
 * the history is in the row of its answer. All JSON is text: it is sent again byte by byte.
 */
const STEPS = `
ALTER TABLE messages ADD COLUMN blocks TEXT;
ALTER TABLE messages ADD COLUMN frozen INTEGER NOT NULL DEFAULT 0;

CREATE TABLE steps (
  message INTEGER NOT NULL REFERENCES messages (key),
  step INTEGER NOT NULL,
  response TEXT NOT NULL,
  max_tokens INTEGER NOT NULL,
  terms TEXT,
  at INTEGER NOT NULL,
  PRIMARY KEY (message, step)
) STRICT;

CREATE TABLE calls (
  message INTEGER NOT NULL REFERENCES messages (key),
  step INTEGER NOT NULL,
  place INTEGER NOT NULL,
  id TEXT NOT NULL,
  tool TEXT NOT NULL,
  class TEXT NOT NULL,
  input TEXT NOT NULL,
  result TEXT,
  done_at INTEGER,
  PRIMARY KEY (message, step, place)
) STRICT;
`

/** What is known of a message besides its words, as JSON; null = nothing. */
const ABOUT = `
ALTER TABLE messages ADD COLUMN about TEXT;
`

/** What is spent of each budget in each period, in nano-dollars. See `Budgets`. */
const BUDGETS = `
CREATE TABLE budgets (
  budget TEXT PRIMARY KEY,
  subject TEXT,
  at INTEGER NOT NULL,
  taken INTEGER NOT NULL DEFAULT 0,
  spent INTEGER NOT NULL DEFAULT 0,
  raised INTEGER NOT NULL DEFAULT 0,
  raised_on TEXT,
  reached_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX budgets_subject ON budgets (subject) WHERE subject IS NOT NULL;

CREATE TABLE budget_slices (
  budget TEXT NOT NULL,
  owner TEXT NOT NULL,
  taken INTEGER NOT NULL DEFAULT 0,
  reserved INTEGER NOT NULL DEFAULT 0,
  spent INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (budget, owner)
) STRICT, WITHOUT ROWID;

CREATE TABLE reservations (
  turn TEXT NOT NULL,
  budget TEXT NOT NULL,
  owner TEXT NOT NULL,
  conversation_id TEXT NOT NULL,
  model TEXT NOT NULL,
  amount INTEGER NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (turn, budget)
) STRICT, WITHOUT ROWID;
`

/**
 * The turns become the ledger of all requests: what each was for, for whom, and what it cost in nano-dollars; null =
 * unknown, as that of all turns before.
 */
const COSTS = `
ALTER TABLE turns ADD COLUMN kind TEXT NOT NULL DEFAULT 'answer';
ALTER TABLE turns ADD COLUMN requests INTEGER NOT NULL DEFAULT 1;
ALTER TABLE turns ADD COLUMN person_id TEXT;
ALTER TABLE turns ADD COLUMN tool TEXT;
ALTER TABLE turns ADD COLUMN cache_write_1h_tokens INTEGER NOT NULL DEFAULT 0;
ALTER TABLE turns ADD COLUMN web_searches INTEGER NOT NULL DEFAULT 0;
ALTER TABLE turns ADD COLUMN cost INTEGER;
ALTER TABLE turns ADD COLUMN estimated INTEGER NOT NULL DEFAULT 0;
ALTER TABLE turns ADD COLUMN subscription INTEGER NOT NULL DEFAULT 0;
`

/** What brings a database from version N (the index) to N + 1. Never edited once released; only added to. */
export const MIGRATIONS: readonly string[] = [INITIAL, CONTEXTS, EFFORT, STEPS, ABOUT, COSTS, BUDGETS]
