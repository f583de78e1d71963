/**
 * What durability costs: the store alone, on the disk of the temporary folder.
 *
 *   node bench/storage.ts             an empty database
 *   node bench/storage.ts 1000000     the same with so many messages stored before
 *
 * Set TMPDIR to measure another disk.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Arrival } from '../src/inbox/arrival.ts'
import { isLease } from '../src/inbox/lease.ts'
import { openSqliteStorage, type SqliteStorage } from '../src/storage/sqlite/storage.ts'

const ONE_BY_ONE = 3_000
const AT_ONCE = 50
const CALLS_AT_ONCE = 20_000
const CYCLES = 4_000
const STORED_CONVERSATIONS = 2_000
const USAGE = { inputTokens: 10, outputTokens: 20, cacheReadTokens: 0, cacheWriteTokens: 0 }
const LIMITS = { maxPerConversation: 50, maxTotal: 10_000 }

const folder = mkdtempSync(join(tmpdir(), 'hermes-bench-'))
const path = join(folder, 'hermes.db')
const stored = Number(process.argv.at(-1)) || 0
let counter = 0

try {
  reference()
  const before = process.memoryUsage().rss
  const opened = performance.now()
  let storage = await openSqliteStorage({ path, pullChannels: [] })
  print('open a new database', `${(performance.now() - opened).toFixed(0)} ms`)
  print('memory of the thread', `${((process.memoryUsage().rss - before) / 1e6).toFixed(0)} MB`)
  if (stored > 0) storage = await fill(storage)
  await measure('accept, one by one', ONE_BY_ONE, 1, (index) =>
    accept(storage, `old-${1 + ((index * 37) % STORED_CONVERSATIONS)}`),
  )
  await measure(`accept, ${AT_ONCE} at once`, CALLS_AT_ONCE, AT_ONCE, (index) =>
    accept(storage, `c${index % AT_ONCE}`),
  )
  await measure('message, answer and delivery, one by one', 500, 1, (index) =>
    cycle(storage, `old-${1 + ((index * 41) % STORED_CONVERSATIONS)}`),
  )
  await measure(`message, answer and delivery, ${AT_ONCE} at once`, CYCLES, AT_ONCE, (_, worker) =>
    cycle(storage, `cycle-${worker}`),
  )
  const lag = await loopLag(() =>
    measure('accept, 50 at once, again', CALLS_AT_ONCE, AT_ONCE, (_, worker) =>
      accept(storage, `d${worker}`),
    ),
  )
  print('longest block of the event loop during it', `${lag.toFixed(1)} ms`)
  print('memory more than before opening', `${((process.memoryUsage().rss - before) / 1e6).toFixed(0)} MB`)
  print('database', `${((await storage.sizeInfo()).databaseBytes / 1e6).toFixed(0)} MB`)
  await storage.close()
} finally {
  rmSync(folder, { recursive: true })
}

/** What the disk and SQLite alone give: one small row a commit, in this thread. */
function reference(): void {
  const db = new DatabaseSync(join(folder, 'reference.db'))
  db.exec(
    'PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE t (id INTEGER PRIMARY KEY, text TEXT)',
  )
  const insert = db.prepare('INSERT INTO t (text) VALUES (?)')
  const times: number[] = []
  const begin = performance.now()
  for (let index = 0; index < ONE_BY_ONE; index++) {
    const start = performance.now()
    insert.run('a message of ordinary length, as people write them')
    times.push(performance.now() - start)
  }
  report('SQLite alone, one row a commit', ONE_BY_ONE, performance.now() - begin, times)
  db.close()
}

function arrival(address: string): Arrival {
  return {
    kind: 'message',
    message: {
      channel: 'telegram',
      address,
      platformMessageId: String(++counter),
      personId: address,
      personName: 'Somebody',
      text: 'a message of ordinary length, as people write them',
      attachments: [],
      addressed: true,
    },
  }
}

async function accept(storage: SqliteStorage, address: string): Promise<void> {
  await storage.inbox.accept({
    arrivals: [arrival(address)],
    cursors: [{ channel: 'telegram', name: 'offset', value: String(counter) }],
    now: Date.now(),
    outage: null,
    limits: LIMITS,
    holdFullNotice: '',
  })
}

/** Everything that a message costs the store: accepted, leased, answered, read from the outbox, receipt. */
async function cycle(storage: SqliteStorage, address: string): Promise<void> {
  await accept(storage, address)
  const conversationId = `telegram:${address}`
  const lease = await storage.inbox.lease({
    conversationId,
    owner: 'bench',
    now: Date.now(),
    historyLimit: 4_000,
    merge: true,
  })
  if (!isLease(lease)) throw new Error('nothing to lease')
  await storage.inbox.finish(
    lease,
    { kind: 'answered', text: 'an answer', preface: null, model: 'm', usage: USAGE, modelMs: 20 },
    Date.now(),
  )
  const head = await storage.outbox.head(conversationId)
  await storage.outbox.receipt(head!.item.id, 0, '1', true)
}

async function measure(
  name: string,
  calls: number,
  parallel: number,
  call: (index: number, worker: number) => Promise<void>,
): Promise<void> {
  const times: number[] = []
  let next = 0
  const cpu = process.cpuUsage()
  const begin = performance.now()
  await Promise.all(
    Array.from({ length: parallel }, async (_, worker) => {
      while (next < calls) {
        const index = next++
        const start = performance.now()
        await call(index, worker)
        times.push(performance.now() - start)
      }
    }),
  )
  const totalMs = performance.now() - begin
  const { user, system } = process.cpuUsage(cpu)
  report(name, calls, totalMs, times, (user + system) / 1_000 / calls)
}

/** The processor's time is of both threads together; unlike the rest it does not depend on who else is at work. */
function report(
  name: string,
  calls: number,
  totalMs: number,
  times: number[],
  cpuMs: number | null = null,
): void {
  times.sort((a, b) => a - b)
  const at = (share: number) => times[Math.floor((times.length - 1) * share)]!.toFixed(2)
  print(
    name,
    `${Math.round((calls / totalMs) * 1_000)}/s, p50 ${at(0.5)} ms, p99 ${at(0.99)} ms${cpuMs === null ? '' : `, cpu ${cpuMs.toFixed(2)} ms`}`,
  )
}

/** Answered messages of long ago, so that the figures after it are those of an old installation. */
async function fill(storage: SqliteStorage): Promise<SqliteStorage> {
  const begin = performance.now()
  await storage.close()
  const db = new DatabaseSync(path)
  db.exec(`
    PRAGMA synchronous = OFF;
    PRAGMA cache_size = -500000;
    BEGIN;
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${STORED_CONVERSATIONS})
      INSERT INTO conversations (key, id, channel, address, last_at, next_seq)
      SELECT i, 'telegram:old-' || i, 'telegram', 'old-' || i, i, ${stored} + 1 FROM n;
    INSERT INTO addresses (key, channel, address, conversation) SELECT key, channel, address, key FROM conversations;
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${stored})
      INSERT INTO messages (id, conversation, seq, revision, role, state, text, origin, platform_id, person_id, at, history_seq)
      SELECT printf('0%025d', i), 1 + i * ${STORED_CONVERSATIONS} / (${stored} + 1), i, i, 'user', 'answered',
        'a message of ordinary length, as people write them', 1 + i * ${STORED_CONVERSATIONS} / (${stored} + 1), 'old' || i, 'x', i, i FROM n;
    UPDATE counters SET value = ${stored} WHERE name = 'revision';
    COMMIT;
    PRAGMA wal_checkpoint(TRUNCATE);
  `)
  db.close()
  print(`store ${stored} messages`, `${((performance.now() - begin) / 1_000).toFixed(0)} s`)
  const opened = performance.now()
  const again = await openSqliteStorage({ path, pullChannels: [] })
  print('open the full database', `${(performance.now() - opened).toFixed(0)} ms`)
  return again
}

async function loopLag(work: () => Promise<void>): Promise<number> {
  let longest = 0
  let last = performance.now()
  const timer = setInterval(() => {
    longest = Math.max(longest, performance.now() - last - 1)
    last = performance.now()
  }, 1)
  await work()
  clearInterval(timer)
  return longest
}

function print(name: string, value: string): void {
  process.stdout.write(`${name.padEnd(48)} ${value}\n`)
}
