import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Client } from 'pg'
import type { Inbox } from '../../src/inbox/inbox.ts'
import { isLease } from '../../src/inbox/lease.ts'
import type { Outbox } from '../../src/inbox/outbox.ts'
import { openDatabase } from '../../src/storage/postgres/connection/database.ts'
import { migrate } from '../../src/storage/postgres/migrations/migrate.ts'
import { openPostgresStorage } from '../../src/storage/postgres/storage.ts'
import { openSqliteStorage } from '../../src/storage/sqlite/storage.ts'
import { systemClock } from '../../src/support/clock.ts'
import { createLog } from '../../src/support/log.ts'
import { Secret } from '../../src/support/secret.ts'
import type { PostgresServer } from '../../test/support/stores/postgres-server.ts'
import { Samples } from '../support/figures.ts'

/** What a store is filled with before it is measured. */
export interface Fill {
  readonly messages: number
  readonly conversations: number
}

/** Medians in milliseconds, one message at a time. */
export interface Costs {
  readonly accept: number
  readonly lease: number
  readonly finish: number
  readonly deliver: number
}

interface Filled extends AsyncDisposable {
  readonly inbox: Inbox
  readonly outbox: Outbox
}

const WARM_UP = 50
const MEASURED = 300
/** A step that shares nothing with the number of conversations, so that old ones of every age are met. */
const STRIDE = 7_919
/** Messages of its past that a conversation still shows to the model, whatever lies before them. */
const HISTORY = 10
const USAGE = { inputTokens: 10, outputTokens: 20, cacheReadTokens: 0, cacheWriteTokens: 0 }
const TEXT = 'a message of ordinary length, as people write them'

/** Bytes of the disk for a stored message of ordinary length, with everything that finds it again. */
export async function postgresBytes(server: PostgresServer, fill: Fill): Promise<number> {
  const url = await server.createDatabase()
  try {
    const size = async () => {
      const client = new Client({ connectionString: url })
      await client.connect()
      const { rows } = await client.query<{ bytes: string }>(
        'SELECT pg_database_size(current_database()) AS bytes',
      )
      await client.end()
      return Number(rows[0]!.bytes)
    }
    await migrate({ url: new Secret(url) })
    const empty = await size()
    await (await openPostgres(url, fill))[Symbol.asyncDispose]()
    return ((await size()) - empty) / fill.messages
  } finally {
    await server.dropDatabase(url)
  }
}

/** What a message costs a PostgreSQL that holds so much already. */
export async function postgresCosts(server: PostgresServer, fill: Fill): Promise<Costs> {
  const url = await server.createDatabase()
  try {
    await using store = await openPostgres(url, fill)
    return await measure(store, fill.conversations)
  } finally {
    await server.dropDatabase(url)
  }
}

/** The same for SQLite, on the disk of the temporary folder. */
export async function sqliteCosts(fill: Fill): Promise<Costs> {
  const folder = mkdtempSync(join(tmpdir(), 'hermes-growth-'))
  try {
    await using store = await openSqlite(join(folder, 'hermes.db'), fill)
    return await measure(store, fill.conversations)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

async function measure({ inbox, outbox }: Filled, conversations: number): Promise<Costs> {
  const times = { accept: [], lease: [], finish: [], deliver: [] } as Record<keyof Costs, number[]>
  const timed = async <T>(step: keyof Costs, work: () => Promise<T>): Promise<T> => {
    const started = performance.now()
    const result = await work()
    times[step].push(performance.now() - started)
    return result
  }
  for (let index = 0; index < WARM_UP + MEASURED; index++) {
    if (index === WARM_UP) for (const list of Object.values(times)) list.length = 0
    const address = `old-${1 + ((index * STRIDE) % conversations)}`
    const conversationId = `telegram:${address}`
    const now = Date.now()
    await timed('accept', () =>
      inbox.accept({
        arrivals: [
          {
            kind: 'message',
            message: {
              channel: 'telegram',
              address,
              platformMessageId: `new-${index}`,
              personId: address,
              personName: 'Somebody',
              text: TEXT,
              attachments: [],
              addressed: true,
            },
          },
        ],
        cursors: [{ channel: 'telegram', name: 'offset', value: String(index) }],
        now,
        outage: null,
        limits: { maxPerConversation: 50, maxTotal: 10_000 },
        holdFullNotice: '',
      }),
    )
    const lease = await timed('lease', () =>
      inbox.lease({ conversationId, owner: 'bench', now, historyLimit: 4_000, merge: true }),
    )
    if (!isLease(lease)) throw new Error('nothing to lease')
    await timed('finish', () =>
      inbox.finish(
        lease,
        { kind: 'answered', text: 'an answer', preface: null, model: 'm', usage: USAGE, modelMs: 20 },
        now,
      ),
    )
    await timed('deliver', async () => {
      const head = await outbox.head(conversationId)
      await outbox.receipt(head!.item.id, 0, '1', true)
    })
  }
  const median = (step: keyof Costs) => new Samples(times[step]).quantile(0.5)
  return {
    accept: median('accept'),
    lease: median('lease'),
    finish: median('finish'),
    deliver: median('deliver'),
  }
}

/** Where the history of every conversation begins: what is older was summed up long ago. */
function historyFrom(messages: number, conversations: number): number {
  return Math.max(0, messages - HISTORY * conversations)
}

async function openPostgres(address: string, { messages, conversations }: Fill): Promise<Filled> {
  const url = new Secret(address)
  await migrate({ url })
  const client = new Client({ connectionString: address })
  await client.connect()
  await client.query(`
    INSERT INTO hermes.conversations (id, channel, address, last_at, next_seq, history_from)
      SELECT 'telegram:old-' || i, 'telegram', 'old-' || i, i, ${messages} + 1, ${historyFrom(messages, conversations)} FROM generate_series(1, ${conversations}) i;
    INSERT INTO hermes.addresses (channel, address, conversation)
      SELECT channel, address, key FROM hermes.conversations ORDER BY key;
    INSERT INTO hermes.messages (id, conversation, seq, revision, role, state, text, origin, platform_id, person_id, at, history_seq)
      SELECT 'old' || i, c, i, i, 'user', 'answered', '${TEXT}', c, 'old' || i, 'x', i, i
        FROM (SELECT i, 1 + i % ${conversations} AS c FROM generate_series(1, ${messages}) i) rows;
    SELECT setval('hermes.revision', ${messages + 1});
    ANALYZE;
  `)
  await client.end()
  const log = await createLog({ level: 'silent' })
  const database = await openDatabase({ url, clock: systemClock, log, onProblem: () => {} })
  const storage = openPostgresStorage({ database, pullChannels: [] })
  return {
    inbox: storage.inbox,
    outbox: storage.outbox,
    async [Symbol.asyncDispose]() {
      await storage.close()
    },
  }
}

async function openSqlite(path: string, { messages, conversations }: Fill): Promise<Filled> {
  await (await openSqliteStorage({ path, pullChannels: [] })).close()
  const db = new DatabaseSync(path)
  db.exec(`
    PRAGMA synchronous = OFF;
    PRAGMA cache_size = -500000;
    BEGIN;
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${conversations})
      INSERT INTO conversations (key, id, channel, address, last_at, next_seq, history_from)
      SELECT i, 'telegram:old-' || i, 'telegram', 'old-' || i, i, ${messages} + 1, ${historyFrom(messages, conversations)} FROM n;
    INSERT INTO addresses (key, channel, address, conversation) SELECT key, channel, address, key FROM conversations;
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${messages})
      INSERT INTO messages (id, conversation, seq, revision, role, state, text, origin, platform_id, person_id, at, history_seq)
      SELECT 'old' || i, 1 + i % ${conversations}, i, i, 'user', 'answered', '${TEXT}', 1 + i % ${conversations}, 'old' || i, 'x', i, i FROM n;
    UPDATE counters SET value = ${messages} + 1 WHERE name = 'revision';
    COMMIT;
    PRAGMA wal_checkpoint(TRUNCATE);
  `)
  db.close()
  const storage = await openSqliteStorage({ path, pullChannels: [] })
  return {
    inbox: storage.inbox,
    outbox: storage.outbox,
    [Symbol.asyncDispose]: () => storage.close(),
  }
}
